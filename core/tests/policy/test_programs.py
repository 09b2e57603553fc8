"""What is not known to be data counts as a program."""

from __future__ import annotations

from pathlib import Path

import pytest

from inference_models.policy.programs import files_in, find_program


@pytest.mark.parametrize(
    ("backend", "files"),
    [
        ("onnx", ["weights.onnx", "class_names.txt", "inference_config.json"]),
        ("onnx", ["model.onnx", "model.onnx_data", "encoder.weight", "weights.bin"]),
        ("mediapipe", ["detector.task"]),
        ("torch", ["weights.safetensors", "LICENSE", ".im-manifest.json", "folder/config.JSON"]),
        (
            "hugging-face",
            ["model.safetensors", "tokenizer.model", "chat_template.jinja", "README.md", "base/vocab.txt"],
        ),
    ],
)
def test_data(backend: str, files: list[str]) -> None:
    assert find_program(backend, files) is None


# The last three are spellings under which the same plugins are found.
@pytest.mark.parametrize("backend", ["torch-script", "trt", "Torch_Script", "torch.script", "TRT"])
def test_some_backends_run_nothing_else_than_programs(backend: str) -> None:
    assert "are programs" in str(find_program(backend, ["weights.safetensors"]))


@pytest.mark.parametrize("backend", ["onnx", "mediapipe", "torch", "acme"])
@pytest.mark.parametrize(
    "name",
    ["weights.pt", "weights.PTH", "a/b/x.pkl", "model.py", "lib.so", "engine.plan", "x.npz", ".pt.ts", ".im-x.py"],
)
def test_files_of_programs(backend: str, name: str) -> None:
    assert repr(name) in str(find_program(backend, ["weights.onnx", name]))


@pytest.mark.parametrize("name", ["weights.bin", "model.xml", "model", "weights.safetensors.bak", "weights.onnx "])
def test_what_is_not_known_may_be_a_program(name: str) -> None:
    assert repr(name) in str(find_program("acme", [name]))


def test_endings_that_the_policy_names_are_data() -> None:
    assert find_program("acme", ["model.XML", "model.bin"], [".xml", ".bin"]) is None


def test_a_directory_with_no_end_is_not_walked_through() -> None:
    assert "more than" in str(find_program("onnx", (f"{number}.txt" for number in iter(int, 1))))


def test_the_files_of_a_directory_and_of_a_checkpoint(tmp_path: Path) -> None:
    (tmp_path / "base").mkdir()
    for name in ("weights.onnx", "base/x.pkl"):
        (tmp_path / name).touch()
    assert list(files_in(tmp_path)) == ["weights.onnx", "base/x.pkl"]
    assert list(files_in(tmp_path / "base/x.pkl")) == ["x.pkl"]


@pytest.mark.parametrize("backend", ["onnx", "torch"])
def test_what_stands_behind_a_link_is_not_data(tmp_path: Path, backend: str) -> None:
    elsewhere, package = tmp_path / "elsewhere", tmp_path / "package"
    elsewhere.mkdir()
    package.mkdir()
    (elsewhere / "weights.pt").touch()
    (package / "weights.safetensors").touch()
    assert find_program(backend, files_in(package)) is None
    (package / "base").symlink_to(elsewhere)
    assert list(files_in(package)) == ["weights.safetensors", "base/"]
    assert "'base/' is a link" in str(find_program(backend, files_in(package)))
