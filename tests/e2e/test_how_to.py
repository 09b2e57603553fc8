"""What the how-to pages tell people to type works, on networks and pictures that are made here."""

from __future__ import annotations

import importlib
import shutil
import sys
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from doc_blocks import blocks, run_page
from workspace import ROOT

SIZE, CELL = 320, 32
COLORS = ((0, 0, 255), (0, 255, 0), (255, 0, 0))  # blue, green, red as OpenCV writes them: red, green and blue squares


def finder_of_colors(*, corners: bool = False) -> onnx.ModelProto:
    """Return a network with YOLOv8's output that finds cells of 32 x 32 pixels filled with red, green or blue.

    With `corners`, two key points of each cell too: its top left and its bottom right corner.
    """
    grid = SIZE // CELL
    centres = (np.arange(grid, dtype=np.float32) + 0.5) * CELL
    y, x = np.meshgrid(centres, centres, indexing="ij")
    side = np.full(grid * grid, CELL, np.float32)
    constants = {
        "boxes": np.stack([x.ravel(), y.ravel(), side, side])[None],
        # A colour's score is its own brightness less that of the others.
        "weights": (2 * np.eye(3, dtype=np.float32) - 1).reshape(3, 3, 1, 1),
        "shape": np.array([0, 3, -1]),
        "axis": np.array([1, 2]),
        "zero": np.zeros((), np.float32),
    }
    nodes = [
        helper.make_node("AveragePool", ["images"], ["cells"], kernel_shape=[CELL, CELL], strides=[CELL, CELL]),
        helper.make_node("Conv", ["cells", "weights"], ["colors"]),
        helper.make_node("Reshape", ["colors", "shape"], ["rows"]),
        helper.make_node("Clip", ["rows", "zero"], ["scores"]),
        helper.make_node("ReduceMax", ["images"], ["brightest"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Mul", ["brightest", "zero"], ["nothing"]),  # as many zeros as there are images
        helper.make_node("Unsqueeze", ["nothing", "axis"], ["column"]),
        helper.make_node("Add", ["column", "boxes"], ["places"]),
    ]
    parts, rows = ["places", "scores"], 7
    if corners:
        sure = np.full(grid * grid, 0.9, np.float32)
        points = [x.ravel() - CELL / 2, y.ravel() - CELL / 2, sure, x.ravel() + CELL / 2, y.ravel() + CELL / 2, sure]
        constants["corners"] = np.stack(points)[None].astype(np.float32)
        nodes.append(helper.make_node("Add", ["column", "corners"], ["points"]))
        parts, rows = [*parts, "points"], 13
    nodes.append(helper.make_node("Concat", parts, ["output0"], axis=1))
    graph = helper.make_graph(
        nodes,
        "colors",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", 3, SIZE, SIZE])],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, ["batch", rows, grid * grid])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def picture_of_squares() -> np.ndarray:
    """Return a black picture of 640 x 480 with a red, a green and a blue square."""
    picture = np.zeros((480, 640, 3), np.uint8)
    for number, color in enumerate(COLORS):
        left, top = 64 + 192 * number, 48 + 128 * number
        picture[top : top + 64, left : left + 64] = color
    return picture


FINDER_OF_COLORS = """
import torch

class FinderOfColors(torch.nn.Module):
    \"\"\"YOLOv8's output, finding cells of 32 x 32 pixels filled with red, green or blue.\"\"\"

    def forward(self, images):
        cells = torch.nn.functional.avg_pool2d(images, 32)
        others = 2 * torch.eye(3) - 1  # a color's score is its own brightness less that of the others
        scores = torch.einsum("sc,nchw->nshw", others, cells).clamp(min=0).flatten(2)
        centres = (torch.arange(10.0) + 0.5) * 32
        y, x = torch.meshgrid(centres, centres, indexing="ij")
        places = torch.stack([x.flatten(), y.flatten(), torch.full((100,), 32.0), torch.full((100,), 32.0)])
        return torch.cat([places.expand(images.shape[0], -1, -1), scores], dim=1)

network = FinderOfColors()
"""


def test_the_code_about_torch_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "detector.py").write_text(FINDER_OF_COLORS)
    monkeypatch.syspath_prepend(tmp_path)
    assert cv2.imwrite(str(tmp_path / "photo.png"), picture_of_squares())
    assert len(blocks("docs/how-to/run-with-torch.md")) > 2
    run_page("docs/how-to/run-with-torch.md")


def test_the_code_about_vision_language_models_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    florence = ROOT / "plugins/im-florence2"
    shutil.copytree(florence / "tests/shapes", tmp_path / "checkpoint")
    (tmp_path / "checkpoint/model_config.json").unlink()
    monkeypatch.syspath_prepend(florence / "training")
    scenes = importlib.import_module("shapes_vlm.scenes")
    assert cv2.imwrite(str(tmp_path / "photo.png"), scenes.draw_scenes(2)[1].picture[..., ::-1])
    assert len(blocks("docs/how-to/serve-a-vision-language-model.md")) > 4
    run_page("docs/how-to/serve-a-vision-language-model.md")


PAGES = (
    "docs/how-to/package-a-network.md",
    "docs/how-to/stream.md",
    "docs/how-to/test-a-plugin.md",
    "docs/how-to/write-a-pipeline.md",
)


@pytest.mark.parametrize("page", PAGES)
def test_the_code_of_a_page_works(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])  # pages may add to it
    onnx.save(finder_of_colors(), tmp_path / "trained.onnx")
    onnx.save(finder_of_colors(corners=True), tmp_path / "trained-pose.onnx")
    assert cv2.imwrite(str(tmp_path / "photo.png"), picture_of_squares())
    assert len(blocks(page)) > 2
    run_page(page)
