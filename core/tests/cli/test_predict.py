from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import Result

Im = Callable[..., Result]
Picture = Callable[..., Path]

pytestmark = pytest.mark.usefixtures("spot")


def rows(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines()]


def test_a_table_for_each_image(im_run: Im, picture: Picture) -> None:
    one, two = picture("a.png"), picture("b.png", None)
    result = im_run("predict", "spot://bright", one, two)
    assert result.exit_code == 0
    text = rows(result.stdout)
    assert text[0] == f"{one} (60 x 40): 1 detection"
    assert text[3] == "spot 1.000 10.0 5.0 30.0 25.0"
    assert text[5] == f"{two} (60 x 40): no detections"
    assert result.stderr == ""


def test_json_is_the_only_thing_on_stdout(im_run: Im, picture: Picture) -> None:
    path = picture("a.png")
    result = im_run("predict", "spot://bright", path, "--json")
    assert json.loads(result.stdout) == {
        "schema": 1,
        "model": "spot://bright",
        "pipeline": None,
        "predictions": [
            {
                "image": str(path),
                "width": 60,
                "height": 40,
                "annotated": None,
                "type": "Detections",
                "prediction": {
                    "detections": [
                        {"xyxy": [10.0, 5.0, 30.0, 25.0], "class_id": 0, "class_name": "spot", "confidence": 1.0}
                    ],
                    "image_metadata": None,
                },
            }
        ],
    }


def test_many_images_go_through_in_small_batches(im_run: Im, picture: Picture) -> None:
    paths = [picture(f"{index}.png", (index, 0, 40, 20)) for index in range(10)]
    result = im_run("predict", "spot://bright", *paths, "--json")
    boxes = [row["prediction"]["detections"][0]["xyxy"] for row in json.loads(result.stdout)["predictions"]]
    assert boxes == [[index, 0, 40, 20] for index in range(10)]
    assert sys.modules["spot_model"].SpotFinder.batches == [4, 4, 2]


def test_confidence_is_passed_on_and_only_when_given(im_run: Im, picture: Picture) -> None:
    path = picture("a.png")
    # A second white pixel makes the box larger than what is bright in it.
    image = cv2.imread(str(path))
    assert image is not None
    image[39, 59] = 255
    cv2.imwrite(str(path), image)
    share = (20 * 20 + 1) / (50 * 35)
    assert "1 detection" in im_run("predict", "spot://bright", path, "--confidence", share - 0.01).stdout
    assert "no detections" in im_run("predict", "spot://bright", path, "--confidence", share + 0.01).stdout
    assert "1 detection" in im_run("predict", "spot://bright", path).stdout


def test_a_parameter_that_the_model_lacks(im_run: Im, picture: Picture) -> None:
    result = im_run("predict", "spot://bright", picture("a.png"), "--iou-threshold", "0.5")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "Error: SpotFinder does not know the keyword argument 'iou_threshold'." in result.stderr
    assert "help: https://" in result.stderr


def test_an_annotated_copy(im_run: Im, picture: Picture, tmp_path: Path) -> None:
    path = picture("a.png")
    before = path.read_bytes()
    result = im_run("predict", "spot://bright", path, "--output", tmp_path / "new" / "out")
    target = tmp_path / "new" / "out" / "a-annotated.png"
    assert f"drawn: {target}" in result.stdout.splitlines()
    drawn, source = cv2.imread(str(target)), cv2.imread(str(path))
    assert drawn is not None
    assert source is not None
    assert drawn.shape == source.shape
    changed = (drawn != source).any(axis=2)
    assert changed[15, 10]
    assert changed[25, 20], "the box's edges are drawn over"
    assert not changed[35, 50]
    assert path.read_bytes() == before
    row = json.loads(im_run("predict", "spot://bright", path, "--json", "--output", tmp_path / "out").stdout)
    assert row["predictions"][0]["annotated"] == str(tmp_path / "out" / "a-annotated.png")


def test_images_with_one_name_do_not_overwrite_each_other(im_run: Im, picture: Picture, tmp_path: Path) -> None:
    paths = [picture("a/x.png"), picture("b/x.png", (0, 0, 5, 5)), picture("c/x.jpg", None)]
    result = im_run("predict", "spot://bright", *paths, "--output", tmp_path / "out")
    assert result.exit_code == 0
    names = ["x-annotated-2.png", "x-annotated-3.png", "x-annotated.png"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == names
    plain = cv2.imread(str(tmp_path / "out" / "x-annotated-3.png"))
    assert plain is not None
    assert not np.any(plain), "nothing was found in the third, so nothing is drawn"


def test_drawing_needs_supervision_and_says_so_first(
    im_run: Im, picture: Picture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "supervision", None)
    result = im_run("predict", "spot://bright", picture("a.png"), "--output", tmp_path / "out")
    assert result.exit_code == 1
    assert 'pip install "im-core[viz]"' in result.stderr
    assert "spot_model" not in sys.modules, "before the model is loaded"
    assert not (tmp_path / "out").exists()
    assert im_run("predict", "spot://bright", picture("a.png")).exit_code == 0


def test_an_output_that_cannot_be_made(im_run: Im, picture: Picture, tmp_path: Path) -> None:
    path = picture("a.png")
    result = im_run("predict", "spot://bright", path, "--output", path / "out")
    assert result.exit_code == 1
    assert "Error:" in result.stderr
    assert im_run("predict", "spot://bright", path, "--output", path).exit_code == 2


def test_a_file_that_is_no_image(im_run: Im, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"text")
    result = im_run("predict", "spot://bright", path)
    assert result.exit_code == 1
    assert "a.png is not an image that OpenCV can decode" in result.stderr


def test_the_way_is_chosen_by_options(im_run: Im, picture: Picture) -> None:
    path = picture("a.png")
    assert im_run("predict", "bright", path, "--provider", "spot", "--backend", "spot-npu").exit_code == 0
    result = im_run("predict", "spot://bright", path, "--package", "theirs")
    assert result.exit_code == 1
    assert "theirs: its provider does not mark it as trusted" in result.stderr
    allowed = im_run("predict", "spot://bright", path, "--package", "theirs", "--allow-untrusted-packages")
    assert allowed.exit_code == 0
    wrong = im_run("predict", "spot://bright", path, "--backend", "spot-npv")
    assert "Did you mean 'spot-npu'?" in wrong.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["spot://bright"],
        ["spot://bright", "missing.png"],
        ["spot://bright", "{picture}", "--confidence", "high"],
        ["spot://bright", "{picture}", "--iou-threshold", "x"],
        ["spot://bright", "{picture}", "--api-key", "x"],
    ],
)
def test_what_is_not_understood(im_run: Im, picture: Picture, arguments: list[str]) -> None:
    path = str(picture("a.png"))
    result = im_run("predict", *[argument.format(picture=path) for argument in arguments])
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Usage: im predict" in result.stderr


def test_results_are_given_out_image_by_image() -> None:
    from inference_models.cli.predict import _by_image

    assert _by_image(["a", "b"], 2) == ["a", "b"]
    assert _by_image((["a", "b"], None), 2) == [("a", None), ("b", None)], "key points without boxes"
