"""What tests of the conformance kit share."""

from __future__ import annotations

import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest


@pytest.fixture(scope="session")
def finder() -> SimpleNamespace:
    """What color_finder.py defines: a conftest can import nothing that lies beside it."""
    return SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("color_finder.py"))))
