"""The right answers: a small network says what is in the pictures that it was trained on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from shutil import copytree
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from click.testing import CliRunner

from im_florence2.model import Florence2
from inference_models import AutoModel, Detections
from inference_models.cli.application import im

BEAMS = pytest.mark.parametrize("beams", [1, 3])
STEP = 0.11  # a thousandth of half the picture, and a little


def bgr(scene: Any) -> np.ndarray:
    return np.ascontiguousarray(scene.picture[..., ::-1])


def boxes(scene: Any) -> np.ndarray:
    return np.array([shape.box for shape in scene.shapes], np.float32)


def caption(scene: Any) -> str:
    return "a " + " and a ".join(shape.name for shape in scene.shapes)


@BEAMS
def test_prompts_and_captions(shapes: Florence2, scenes: list[Any], beams: int) -> None:
    pictures = [bgr(scene) for scene in scenes]
    expected = [caption(scene) for scene in scenes]
    assert shapes.prompt(pictures, "Describe the image contents", num_beams=beams) == expected
    assert shapes.caption_image(pictures, num_beams=beams) == expected
    detailed = shapes.caption_image(pictures, "detailed", num_beams=beams)
    longer = shapes.caption_image(pictures, "very_detailed", num_beams=beams)
    for scene, text, more in zip(scenes, detailed, longer, strict=True):
        places = ", and ".join(f"a {shape.name} on the {shape.side}" for shape in scene.shapes)
        assert text == f"The image shows {places}."
        assert more == f"{text} There are {len(scene.shapes)} drawn shapes in all."


@BEAMS
def test_objects_are_found_where_they_are(shapes: Florence2, scenes: list[Any], beams: int) -> None:
    found = shapes.detect_objects([bgr(scene) for scene in scenes], num_beams=beams)
    for scene, given in zip(scenes, found, strict=True):
        np.testing.assert_allclose(given.xyxy, boxes(scene), atol=STEP)
        assert given.names == [shape.kind for shape in scene.shapes]
        assert given.class_id.tolist() == [0] * len(given)
        assert given.confidence.tolist() == [1.0] * len(given)


def test_descriptions_proposals_and_phrases(shapes: Florence2, scenes: list[Any]) -> None:
    for scene in scenes[:4]:
        (described,) = shapes.detect_objects(bgr(scene), "captions")
        assert described.names == [shape.name for shape in scene.shapes]
        (proposed,) = shapes.detect_objects(bgr(scene), "rois")
        np.testing.assert_allclose(proposed.xyxy, boxes(scene), atol=STEP)
        (grounded,) = shapes.ground_phrase(bgr(scene), scene.shapes[0].name)
        np.testing.assert_allclose(grounded.xyxy, boxes(scene)[:1], atol=STEP)
        assert grounded.names == [scene.shapes[0].name]


def test_classes_that_are_looked_for(shapes: Florence2, scenes: list[Any]) -> None:
    name = scenes[0].shapes[0].name
    (found,) = shapes.detect_objects(bgr(scenes[0]), classes=[name])
    assert (found.class_id.tolist(), found.names, found.class_names) == ([0], [name], (name,))


def test_outlines_become_masks(shapes: Florence2, scenes: list[Any]) -> None:
    for scene in scenes[:4]:
        for shape in scene.shapes:
            expected = np.zeros(scene.picture.shape[:2], np.uint8)
            cv2.fillPoly(expected, [np.array(shape.corners)], 1)
            (by_phrase,) = shapes.segment_phrase(bgr(scene), shape.name, num_beams=1)
            (by_region,) = shapes.segment_region(bgr(scene), shape.box)
            (encoded,) = shapes.segment_region(bgr(scene), shape.box, mask_format="rle")
            for found in (by_phrase, by_region):
                overlap = (found.mask[0] & (expected > 0)).sum() / (found.mask[0] | (expected > 0)).sum()
                assert overlap > 0.94
                np.testing.assert_allclose(found.xyxy[0], shape.box, atol=1)
            assert by_phrase.names == [shape.name]
            assert (encoded.mask.to_dense() == by_region.mask).all()


def test_regions_are_named_and_described(shapes: Florence2, scenes: list[Any]) -> None:
    pictures = [bgr(scene) for scene in scenes]
    regions = boxes_of_first(scenes)
    assert shapes.classify_image_region(pictures, regions) == [scene.shapes[0].kind for scene in scenes]
    assert shapes.caption_image_region(pictures, regions) == [scene.shapes[0].name for scene in scenes]
    shares = np.array(regions[0]) / (200, 160, 200, 160)
    assert shapes.classify_image_region(pictures[0], shares) == [scenes[0].shapes[0].kind]


def boxes_of_first(scenes: list[Any]) -> list[Any]:
    return [scene.shapes[0].box for scene in scenes]


def test_a_task_gives_plain_values(shapes: Florence2, scenes: list[Any]) -> None:
    (answer,) = shapes.prompt(bgr(scenes[1]), "<OD>", task="<OD>")
    assert answer["<OD>"]["labels"] == [shape.kind for shape in scenes[1].shapes]
    np.testing.assert_allclose(answer["<OD>"]["bboxes"], boxes(scenes[1]), atol=STEP)
    phrase = scenes[1].shapes[0].name
    token = "<REFERRING_EXPRESSION_SEGMENTATION>"
    (answer,) = shapes.prompt(bgr(scenes[1]), token + phrase, task=token)
    assert len(answer[token]["polygons"][0][0]) == 2 * len(scenes[1].shapes[0].corners)
    json.dumps(answer)


def test_predictions_are_in_kind(shapes: Florence2, scenes: list[Any]) -> None:
    tensor = torch.from_numpy(scenes[0].picture.transpose(2, 0, 1).copy())
    (boxes_found,) = shapes.detect_objects(tensor)
    (masks_found,) = shapes.segment_phrase(tensor, scenes[0].shapes[0].name)
    assert isinstance(boxes_found.xyxy, torch.Tensor)
    assert isinstance(masks_found.mask, torch.Tensor)
    np.testing.assert_allclose(boxes_found.xyxy, boxes(scenes[0]), atol=STEP)


def test_a_stream_says_the_same(shapes: Florence2, scenes: list[Any]) -> None:
    pieces = list(shapes.prompt(bgr(scenes[0]), "<DETAILED_CAPTION>", stream=True))
    assert len(pieces) > 5
    assert "".join(pieces) == shapes.caption_image(bgr(scenes[0]), "detailed", num_beams=1)[0]


Change = Callable[[dict[str, Any]], None]


@pytest.fixture
def letterboxed(tmp_path: Path, shapes_package: Path) -> Any:
    """Return the model with a config by which a part of a larger picture is seen: the picture that was learned."""
    directory = copytree(shapes_package, tmp_path / "package")
    network_input = {
        "training_input_size": {"height": 160, "width": 200},
        "dynamic_spatial_size_supported": False,
        "color_mode": "bgr",
        "resize_mode": "letterbox",
        "input_channels": 3,
        "scaling_factor": 255,
    }
    crop = {"enabled": True, "x_min": 50, "x_max": 100, "y_min": 0, "y_max": 50}
    config = {"network_input": network_input, "image_pre_processing": {"static-crop": crop}}
    (directory / "inference_config.json").write_text(json.dumps(config))
    return AutoModel.from_pretrained(directory, device="cpu")


def test_pre_processing_is_undone(letterboxed: Any, scenes: list[Any]) -> None:
    scene = scenes[1]
    canvas = np.full((320, 400, 3), 60, np.uint8)
    canvas[:160, 200:] = bgr(scene)
    offset = np.array([200, 0, 200, 0])
    (found,) = letterboxed.detect_objects(canvas)
    np.testing.assert_allclose(found.xyxy, boxes(scene) + offset, atol=STEP)
    (outlined,) = letterboxed.segment_phrase(canvas, scene.shapes[0].name)
    assert outlined.mask.shape == (1, 320, 400)
    rows, columns = np.nonzero(outlined.mask[0])
    extent = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    np.testing.assert_allclose(extent, np.array(scene.shapes[0].box) + offset, atol=2)
    named = letterboxed.classify_image_region(canvas, np.array(scene.shapes[0].box) + offset)
    assert named == [scene.shapes[0].kind]


def run(*arguments: object) -> Any:
    return CliRunner(env={"NO_COLOR": "1"}).invoke(im, [str(one) for one in arguments], prog_name="im")


def test_the_command_line(tmp_path: Path, shapes_package: Path, scenes: list[Any]) -> None:
    picture = tmp_path / "picture.png"
    cv2.imwrite(str(picture), bgr(scenes[1]))
    asked = run("predict", shapes_package, picture, "--prompt", "Describe the image contents", "--device", "cpu")
    assert asked.exit_code == 0, asked.output
    assert caption(scenes[1]) in asked.stdout
    done = run("predict", shapes_package, picture, "--task", "detect", "--json", "--device", "cpu")
    rows = json.loads(done.stdout)["predictions"][0]["prediction"]["detections"]
    assert [row["class_name"] for row in rows] == [shape.kind for shape in scenes[1].shapes]
    name = scenes[1].shapes[0].name
    done = run("predict", shapes_package, picture, "--task", "ground", "--prompt", name, "--json", "--device", "cpu")
    assert [row["class_name"] for row in json.loads(done.stdout)["predictions"][0]["prediction"]["detections"]] == [
        name
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "must be told what to do: --prompt TEXT, or --task NAME, one of caption, detailed-caption"),
        (["--task", "capton"], "Did you mean 'caption'"),
        (["--task", "ground"], "needs a text: its phrase"),
        (["--task", "caption", "--prompt", "a"], "takes no text, got 'a'"),
        (["--prompt", "<OD> a"], "Nothing may follow"),
    ],
)
def test_what_the_command_line_refuses(
    tmp_path: Path, shapes_package: Path, scenes: list[Any], arguments: list[str], said: str
) -> None:
    picture = tmp_path / "picture.png"
    cv2.imwrite(str(picture), bgr(scenes[0]))
    result = run("predict", shapes_package, picture, "--device", "cpu", *arguments)
    assert result.exit_code == 1
    assert said in " ".join(result.stderr.split())


def test_named_tasks(shapes: Florence2, scenes: list[Any]) -> None:
    pictures = [bgr(scene) for scene in scenes[:2]]
    assert shapes.perform("caption", pictures) == [caption(scene) for scene in scenes[:2]]
    assert shapes.perform("detailed-caption", pictures) == shapes.caption_image(pictures, "detailed")
    (found, _) = shapes.perform("ground", pictures, scenes[0].shapes[0].name)
    assert isinstance(found, Detections)
    assert len(shapes.perform("segment", pictures[0], scenes[0].shapes[0].name)[0]) == 1
