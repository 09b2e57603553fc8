"""`im predict` shows a prediction of a type that it has never heard of."""

from __future__ import annotations

import json
import subprocess
import sys

import cv2
import pytest

from community_model import package_path


@pytest.fixture
def pictures(photos, tmp_path) -> list[str]:
    sharp = photos["coffee"][..., ::-1]
    for name, picture in {"sharp": sharp, "soft": cv2.GaussianBlur(sharp, (0, 0), 4)}.items():
        assert cv2.imwrite(str(tmp_path / f"{name}.png"), picture)
    return [str(tmp_path / "sharp.png"), str(tmp_path / "soft.png")]


def im(*arguments: str) -> str:
    run = [sys.executable, "-m", "inference_models.cli", *arguments]
    result = subprocess.run(run, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_a_table_and_a_drawing(pictures, tmp_path) -> None:
    package = subprocess.run([sys.executable, "-m", "community_model"], capture_output=True, text=True, check=True)
    assert package.stdout.strip() == str(package_path())
    printed = im("predict", str(package_path()), *pictures, "--output", str(tmp_path))
    rows = [line.split() for line in printed.splitlines()]
    assert [row for row in rows if row[:1] == ["passed"]] == [["passed", "yes"], ["passed", "no"]]
    blur = [row for row in rows if row[:1] == ["blur"]]
    assert [row[2:] for row in blur] == [["yes", "-", "0.5"], ["no", "-", "0.5"]]
    drawn = [cv2.imread(str(tmp_path / f"{name}-annotated.png")) for name in ("sharp", "soft")]
    assert [picture[0, -1].argmax() for picture in drawn] == [1, 2], "a green frame, and a red one"


def test_json(pictures) -> None:
    answer = json.loads(im("predict", str(package_path()), *pictures, "--json"))["predictions"]
    assert [row["type"] for row in answer] == ["ImageQuality"] * 2
    assert [row["prediction"]["passed"] for row in answer] == [True, False]
    assert answer[0]["prediction"]["measures"][0]["name"] == "blur"
