from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from inference_models.store.layout import MANIFEST_NAME
from inference_models.store.usage import last_use, record_use

DAY = 86400.0


@pytest.mark.parametrize(
    ("age_in_days", "is_noted"), [(0.0, False), (0.9, False), (1.1, True), (400.0, True), (-365.0, True)]
)
def test_a_use_is_noted_once_a_day_and_a_wrong_clock_corrected(
    tmp_path: Path, age_in_days: float, is_noted: bool
) -> None:
    now = time.time()
    (tmp_path / MANIFEST_NAME).touch()
    os.utime(tmp_path / MANIFEST_NAME, (now, now - age_in_days * DAY))

    record_use(tmp_path)

    noted = last_use(tmp_path).timestamp()
    assert abs(noted - (now if is_noted else now - age_in_days * DAY)) < 60


def test_where_there_is_no_package_nothing_is_written(tmp_path: Path) -> None:
    record_use(tmp_path)
    record_use(tmp_path / "absent")
    assert list(tmp_path.iterdir()) == []
