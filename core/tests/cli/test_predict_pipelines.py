"""`im predict --pipeline`, on one that finds the bright spot twice."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Im = Callable[..., Result]
Picture = Callable[..., Path]

PLUGIN = """
from inference_models.developer_tools import LazyClass, PipelineSpec, hookimpl


@hookimpl
def im_pipelines():
    target = LazyClass("twice_model", "Twice")
    yield PipelineSpec(
        id="bright", target=target, default_models=("spot://bright", "spot://bright"), places=("finder", "checker")
    )
    yield PipelineSpec(id="nameless", target=target, default_models=("spot://bright", None))
"""
MODEL = """
from inference_models import ModelPipeline, ObjectDetectionModel


class Twice(ModelPipeline):
    def __init__(self, models):
        self.models = models

    @classmethod
    def with_models(cls, models):
        return cls(cls.check_models(models, first=ObjectDetectionModel, second=ObjectDetectionModel))

    def infer(self, images, **options):
        return list(zip(*(model(images, **options) for model in self.models), strict=True))
"""


@pytest.fixture(autouse=True)
def _twice(spot: Path, install_plugin: Callable[..., Path]) -> None:
    install_plugin("twice", PLUGIN, modules={"twice_model": MODEL})


def test_a_table_for_each_image(im_run: Im, picture: Picture) -> None:
    result = im_run("predict", "--pipeline", "bright", picture("a.png"), picture("b.png"))
    assert (result.exit_code, result.stderr) == (0, "")
    assert (result.stdout.count("a.png (60 x 40): 1 detection"), result.stdout.count("b.png")) == (2, 2)


@pytest.mark.parametrize("models", [(), ("--model", "-", "--model", "spot://bright")])
def test_json_and_pictures(im_run: Im, picture: Picture, tmp_path: Path, models: tuple[str, ...]) -> None:
    output = tmp_path / "drawn"
    options = ("--json", "--output", output, "--confidence", "0.9", "--backend", "spot-npu")
    result = im_run("predict", picture("a.png"), "--pipeline", "bright", *models, *options)
    document = json.loads(result.stdout)
    assert (document["model"], document["pipeline"]) == (None, "bright")
    (row,) = document["predictions"]
    assert row["prediction"]["detections"][0]["class_name"] == "spot"
    assert Path(row["annotated"]).is_file()


def test_an_id_that_both_a_model_and_a_pipeline_have(im_run: Im, picture: Picture) -> None:
    result = im_run("predict", "spot://bright", picture("a.png"), "--json")
    document = json.loads(result.stdout)
    assert (document["model"], document["pipeline"]) == ("spot://bright", None)


def test_a_pipeline_given_as_a_model_is_pointed_out(im_run: Im, picture: Picture) -> None:
    result = im_run("predict", "bright", picture("a.png"), "--provider", "nowhere")
    assert result.exit_code == 1
    assert "im predict --pipeline bright IMAGE..." in result.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--pipeline", "bright"), 2, "Missing argument 'IMAGE...'"),
        ((), 2, "Missing argument 'MODEL'"),
        (("spot://bright",), 2, "Missing argument 'IMAGE...'"),
        (("--pipeline", "bright", "missing.png"), 2, "File 'missing.png' does not exist"),
        (("--pipeline", "bright", "PICTURE", "--prompt", "x"), 2, "do not go with --pipeline"),
        (("--pipeline", "bright", "PICTURE", "--task", "x"), 2, "do not go with --pipeline"),
        (("--pipeline", "bright", "PICTURE", "--package", "x"), 2, "--package is of one model"),
        (("spot://bright", "PICTURE", "--model", "x"), 2, "it goes with --pipeline"),
        (("--pipeline", "brigth", "PICTURE"), 1, "Did you mean 'bright'?"),
        (("--pipeline", "bright", "PICTURE", "--model", "spot://dark", "--model", "-"), 1, "no model 'dark'"),
    ],
)
def test_what_does_not_go(im_run: Im, picture: Picture, arguments: tuple[str, ...], code: int, message: str) -> None:
    path = str(picture("a.png"))
    result = im_run("predict", *(path if one == "PICTURE" else one for one in arguments))
    assert result.exit_code == code
    assert message in result.stderr
    assert result.stdout == ""


ORDER = "in this order, - for a default: finder (default: spot://bright), checker (default: spot://bright)."


@pytest.mark.parametrize(
    ("pipeline", "models", "message"),
    [
        ("bright", ["x"], f"joins 2 models, and --model is given once. Give it for each, {ORDER} Leave it out for all"),
        ("bright", ["x"] * 3, f"joins 2 models, and --model is given 3 times. Give it for each, {ORDER} Leave it out"),
        ("nameless", ["x"], "- for a default: model 0 (default: spot://bright), model 1 (no default).\n"),
        ("nameless", [], "no default for model 1. Give --model for each place, in this order"),
        ("nameless", ["-", "-"], "no default for model 1. Give --model for each place"),
    ],
)
def test_too_few_or_too_many_models(
    im_run: Im, picture: Picture, pipeline: str, models: list[str], message: str
) -> None:
    options = [word for model in models for word in ("--model", model)]
    result = im_run("predict", "--pipeline", pipeline, picture("a.png"), *options)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr
    assert "models_parameters" not in result.stderr
