"""The contract of models as third parties run it: a class in a test file, with pytest's own reports."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from inference_models.testing import ModelContract

FINDER = Path(__file__).with_name("color_finder.py")


class TestGoodModel(ModelContract):
    @pytest.fixture
    def model(self, finder: SimpleNamespace) -> Any:
        return finder.ColorFinder()


TESTS = """
import pytest
from color_finder import PICTURES, ColorFinder, Forgetful
from inference_models.testing import ModelContract

loaded = []

class TestShared(ModelContract):
    @pytest.fixture(scope="class")
    @classmethod
    def model(cls):
        with ColorFinder() as model:
            loaded.append(model)
            yield model

    def test_few_are_loaded(self, model):
        assert len(loaded) <= 5
        assert not model.closed


class TestShares(ModelContract):
    @pytest.fixture
    def model(self):
        class SharesOfThePicture(ColorFinder):
            def describe(self, xyxy, *more):
                return super().describe(0 * xyxy + 1, *more)  # all of it, as a share
        return SharesOfThePicture()


class TestForgetful(ModelContract):
    @pytest.fixture
    def model(self):
        return Forgetful()


SHARED = ColorFinder()

class TestOneForAll(ModelContract):
    @pytest.fixture
    def model(self):
        return SHARED


class TestNone(ModelContract):
    pass


class TestWholeImages(ModelContract):
    method = "count"
    scales_with_input = False
    options = {"most": 3}

    @pytest.fixture
    def model(self):
        class Counter(ColorFinder):
            def count(self, images, most):
                return [f"{min(len(one), most)} colours" for one in self.infer(images)]
        return Counter()

    @pytest.fixture
    def images(self):
        return PICTURES
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    directory = tmp_path_factory.mktemp("theirs")
    (directory / "color_finder.py").write_text(FINDER.read_text())
    (directory / "test_contract.py").write_text(TESTS)
    command = [sys.executable, "-m", "pytest", "-rA", "-W", "error", "-p", "no:cacheprovider", str(directory)]
    environment = {**os.environ, "PYTHONPATH": str(directory), "COLUMNS": "200"}
    run = subprocess.run(command, env=environment, cwd=directory, capture_output=True, text=True, check=False)
    return run.stdout + run.stderr


def test_a_good_model_is_loaded_once_and_anew_for_closing(report: str) -> None:
    assert "TestShared::test_few_are_loaded" in report
    assert "FAILED test_contract.py::TestShared" not in report
    assert "FAILED test_contract.py::TestWholeImages" not in report


def test_a_finding_says_what_to_change_without_a_traceback(report: str) -> None:
    assert "FAILED test_contract.py::TestShares::test_positions_are_pixels_of_the_source" in report
    assert "SharesOfThePicture: positions stay where they are in pictures twice as large." in report
    assert "To fix it: Give positions in pixels of the source image" in report
    assert "scaling.py" not in report.split("short test summary", maxsplit=1)[0]


def test_a_session_that_nobody_closes_fails_one_test(report: str) -> None:
    failed = [line for line in report.splitlines() if line.startswith("FAILED test_contract.py::TestForgetful")]
    (line,) = failed
    assert "test_closes_what_it_holds" in line
    assert "Forgetful.close() leaves open what the model holds: FakeSession in _session." in report


def test_a_model_that_is_shared_with_other_tests_is_refused(report: str) -> None:
    assert "gave a model that is closed already" in report


def test_a_class_without_a_model_is_told_how(report: str) -> None:
    assert "ERROR test_contract.py::TestNone::test_one_image" in report
    assert "fixture 'model' not found" in report


def test_what_was_not_checked_is_shown(report: str) -> None:
    assert "scales_with_input is False" in report
    assert "predict_stream overlaps the stages" in report
