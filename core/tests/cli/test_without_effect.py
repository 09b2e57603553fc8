from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from inference_models.cli.without_effect import variables_without_effect
from inference_models.configuration import VARIABLES

if TYPE_CHECKING:
    from core.tests.cli.conftest import Im


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("INFERENCE_MODELS_DEFAULT_CONFIDENCE", "give it to the call"),
        ("INFERENCE_MODELS_YOLOV10_DEFAULT_CONFIDENCE", "give it to the call"),
        ("INFERENCE_MODELS_YOLO_ULTRALYTICS_DEFAULT_IOU_THRESHOLD", "give it to the call"),
        ("INFERENCE_MODELS_RFDETR_TRITON_PREPROC_ENABLED", "nothing"),
        ("DISABLE_INTERACTIVE_PROGRESS_BARS", "verbose=True"),
        ("CHUNK_DOWNLOAD_MAX_ATTEMPTS", "API_CALLS_MAX_TRIES"),
        ("MODEL_CACHE_DIR", "INFERENCE_HOME"),
        ("OFFLINE_MODE_WARM_UP", "im download"),
        ("ALLOW_URL_INPUT_WITHOUT_FQDN", "nothing here fetches pictures"),
    ],
)
def test_what_has_the_effect_instead(monkeypatch: pytest.MonkeyPatch, name: str, instead: str) -> None:
    monkeypatch.setenv(name, "1")
    [row] = [row for row in variables_without_effect([]) if row["name"] == name]
    assert instead in row["instead"]
    assert name not in {row["name"] for row in variables_without_effect([name])}, "a plugin reads it after all"


def test_what_is_read_here_is_not_among_them(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [variable.name for variable in VARIABLES]
    florence = [f"INFERENCE_MODELS_FLORENCE2_DEFAULT_{name}" for name in ("MAX_NEW_TOKENS", "NUM_BEAMS", "DO_SAMPLE")]
    for name in (*names, *florence, "LOG_LEVEL"):  # other programs read that one, too
        monkeypatch.setenv(name, "1")
    assert {row["name"] for row in variables_without_effect([])}.isdisjoint([*names, *florence, "LOG_LEVEL"])


def test_the_doctor_names_them_and_calls_nothing_broken(im_run: Im, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INFERENCE_MODELS_ONLY_PLUGINS", "")
    monkeypatch.setenv("MODEL_CACHE_DIR", "/models")
    document = json.loads(im_run("doctor", "--json").stdout)
    assert {"name": "MODEL_CACHE_DIR", "instead": "INFERENCE_HOME"} in document["variables_without_effect"]
    assert document["ok"]
    printed = im_run("doctor").stdout
    assert "Variables of Roboflow's library that have no effect" in printed
    assert ["MODEL_CACHE_DIR", "INFERENCE_HOME"] in [line.split() for line in printed.splitlines()]
