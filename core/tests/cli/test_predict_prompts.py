"""`im predict --prompt` and `--task`, on a model that repeats what it is asked."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Im = Callable[..., Result]
Picture = Callable[..., Path]

PLUGIN = """
from inference_models.developer_tools import LazyClass, ModelSpec, hookimpl


@hookimpl
def im_models():
    return ModelSpec(
        architectures="parrot", task_type="vlm", backends="spot-npu", target=LazyClass("parrot_model", "Parrot")
    )
"""
MODEL = """
from inference_models import VisionLanguageModel
from inference_models.developer_tools import NamedTask


class Parrot(VisionLanguageModel):
    tasks = {"size": NamedTask("size"), "repeat": NamedTask("prompt", text="prompt")}

    @classmethod
    def from_pretrained(cls, model_name_or_path):
        return cls()

    def prompt(self, images, prompt):
        return [f"{prompt}!" for _ in images]

    def size(self, images):
        return [f"{image.shape[1]} wide" for image in images]
"""


@pytest.fixture
def parrot(spot: Path, install_plugin: Callable[..., Path], tmp_path: Path) -> Path:
    """Install the model's plugin and return a package of it."""
    install_plugin("parrot", PLUGIN, modules={"parrot_model": MODEL})
    directory = tmp_path / "package"
    directory.mkdir()
    described = {"model_architecture": "parrot", "task_type": "vlm", "backend_type": "spot-npu"}
    (directory / "model_config.json").write_text(json.dumps(described))
    return directory


def test_a_prompt_for_each_image(im_run: Im, picture: Picture, parrot: Path) -> None:
    result = im_run("predict", parrot, picture("a.png"), picture("b.png"), "--prompt", "hello")
    assert (result.exit_code, result.stdout.count("hello!")) == (0, 2)
    result = im_run("predict", parrot, picture("a.png"), "--prompt", "hello", "--json")
    (row,) = json.loads(result.stdout)["predictions"]
    assert (row["type"], row["prediction"]) == ("str", "hello!")


def test_a_task_with_and_without_a_text(im_run: Im, picture: Picture, parrot: Path) -> None:
    assert "60 wide" in im_run("predict", parrot, picture("a.png"), "--task", "size").stdout
    assert "hi!" in im_run("predict", parrot, picture("a.png"), "--task", "repeat", "--prompt", "hi").stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "Parrot must be told what to do: --prompt TEXT, or --task NAME, one of size, repeat."),
        (("--task", "seize"), "has no task 'seize'. Did you mean 'size'"),
        (("--task", "size", "--prompt", "a"), "takes no text"),
    ],
)
def test_what_such_a_model_refuses(
    im_run: Im, picture: Picture, parrot: Path, arguments: tuple[str, ...], said: str
) -> None:
    result = im_run("predict", parrot, picture("a.png"), *arguments)
    assert result.exit_code == 1
    assert said in result.stderr


@pytest.mark.usefixtures("spot")
def test_other_models_take_no_prompts(im_run: Im, picture: Picture) -> None:
    for option in ("--prompt", "--task"):
        result = im_run("predict", "spot://bright", picture("a.png"), option, "a")
        assert result.exit_code == 1
        assert f"{option} is for models that answer prompts, and SpotFinder is none" in result.stderr


def test_thresholds_do_not_go_with_prompts(im_run: Im, picture: Picture, parrot: Path) -> None:
    result = im_run("predict", parrot, picture("a.png"), "--prompt", "a", "--confidence", "0.5")
    assert result.exit_code == 2
    assert "do not go with --prompt" in result.stderr
