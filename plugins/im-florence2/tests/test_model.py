"""The mechanics on a network with random weights: the same tokens as transformers run by hand, in any batch."""

from __future__ import annotations

import inspect
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from PIL import Image
from transformers import Florence2ForConditionalGeneration, Florence2Processor

from im_florence2.model import Florence2
from inference_models import (
    AutoModel,
    Detections,
    InstanceDetections,
    InvalidParameterError,
    ModelInputError,
    SessionClosedError,
)

PROMPTS = ["<OD>", "Describe the image contents", "<CAPTION_TO_PHRASE_GROUNDING>a red circle", "a"]
FEW: dict[str, Any] = {"max_new_tokens": 12}
REGION = (2, 3, 30, 25)


def picture(seed: int = 0, height: int = 40, width: int = 56) -> np.ndarray:
    small = np.random.default_rng(seed).integers(0, 256, (5, 7, 3), np.uint8)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_NEAREST)


PICTURES = [picture(0), picture(1, 64, 64), picture(2, 30, 90), picture(3)]


@pytest.fixture(scope="module")
def by_hand(tiny_package: Path) -> tuple[Any, Any]:
    """Return the model and the processor as transformers loads them."""
    model = Florence2ForConditionalGeneration.from_pretrained(tiny_package).eval()
    return model, Florence2Processor.from_pretrained(tiny_package)


@pytest.mark.parametrize(
    "options",
    [
        {"num_beams": 1},
        {"num_beams": 3},
        {"num_beams": 4, "max_new_tokens": 30},
        {"num_beams": 1, "do_sample": True, "seed": 7},
        {"num_beams": 2, "do_sample": True, "seed": 8},
    ],
)
def test_tokens_are_those_of_transformers_by_hand(
    tiny: Florence2, by_hand: tuple[Any, Any], options: dict[str, Any]
) -> None:
    model, processor = by_hand
    rgb = [Image.fromarray(np.ascontiguousarray(one[..., ::-1])) for one in PICTURES]
    inputs = processor(text=PROMPTS, images=rgb, return_tensors="pt", padding=True)
    options = {**FEW, **options}
    seed = options.pop("seed", None)
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(seed or 0)
        expected = model.generate(**inputs, **options)

    if seed is not None:
        options["seed"] = seed
    ours, _, metadata = tiny.pre_process_generation(PICTURES, PROMPTS)
    given = tiny.generate(ours, **options)
    assert torch.equal(given, expected)
    assert expected.shape[1] > 5
    texts = tiny.prompt(PICTURES, PROMPTS, **options)
    assert texts == tiny.post_process_generation(given, metadata=metadata)
    decoded = processor.batch_decode(expected, skip_special_tokens=False)
    assert texts == [text.replace("<s>", "").replace("</s>", "").replace("<pad>", "") for text in decoded]


@pytest.mark.parametrize("beams", [1, 3])
def test_padding_makes_no_difference(tiny: Florence2, beams: int) -> None:
    together = tiny.prompt(PICTURES, PROMPTS, num_beams=beams, **FEW)
    alone = [tiny.prompt(*pair, num_beams=beams, **FEW)[0] for pair in zip(PICTURES, PROMPTS, strict=True)]
    assert together == alone


def test_one_or_many_images_and_prompts(tiny: Florence2) -> None:
    options = {**FEW, "num_beams": 1}
    one = tiny.prompt(PICTURES[0], "a", **options)
    assert one == tiny.prompt([PICTURES[0]], ["a"], **options)
    assert tiny.prompt([PICTURES[0]] * 2, "a", **options) == one * 2
    assert tiny.prompt(PICTURES[0], ["a", "a"], **options) == one * 2
    assert tiny.prompt(np.stack([PICTURES[0]] * 2), "a", **options) == one * 2
    tensor = torch.from_numpy(np.ascontiguousarray(PICTURES[0][..., ::-1].transpose(2, 0, 1)))
    assert tiny.prompt(tensor, "a", **options) == tiny.prompt(tensor / 255, "a", **options) == one


def test_streamed_pieces_are_the_text(tiny: Florence2) -> None:
    for options in ({}, {"do_sample": True, "seed": 3}, {"skip_special_tokens": True}):
        with tiny.prompt(PICTURES[0], "<OD>", stream=True, max_new_tokens=40, **options) as stream:
            pieces = list(stream)
        assert "".join(pieces) == tiny.prompt(PICTURES[0], "<OD>", num_beams=1, max_new_tokens=40, **options)[0]
        assert all(pieces)


def test_a_stream_can_be_left(tiny: Florence2) -> None:
    stream = tiny.prompt(PICTURES[0], "<OD>", stream=True)
    first = next(stream)
    stream.close()
    assert first
    assert list(stream) == []


def test_what_cannot_be_streamed(tiny: Florence2) -> None:
    with pytest.raises(InvalidParameterError, match="num_beams=3 were asked for"):
        tiny.prompt(PICTURES[0], "a", stream=True, num_beams=3)
    with pytest.raises(InvalidParameterError, match="one image and one prompt"):
        tiny.prompt(PICTURES, "a", stream=True)
    with pytest.raises(InvalidParameterError, match="known at its end only"):
        tiny.prompt(PICTURES[0], "<OD>", stream=True, task="<OD>")


def test_an_error_in_the_network_reaches_whoever_reads_the_stream(
    tiny: Florence2, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**options: Any) -> None:
        raise ZeroDivisionError("inside")

    monkeypatch.setattr(tiny._package.model, "generate", fail)
    stream = tiny.prompt(PICTURES[0], "a", stream=True)
    with pytest.raises(ZeroDivisionError, match="inside"):
        next(stream)
    assert list(stream) == []


def test_drawing_at_random_leaves_the_generator_alone(tiny: Florence2) -> None:
    before = torch.get_rng_state()
    draw = {**FEW, "do_sample": True, "num_beams": 1}
    texts = {tiny.prompt(PICTURES[0], "a", **draw)[0] for _ in range(5)}
    assert len(texts) > 1, "without a seed each call draws others"
    assert len({tiny.prompt(PICTURES[0], "a", **draw, seed=5)[0] for _ in range(3)}) == 1
    assert torch.equal(torch.get_rng_state(), before)


def test_several_threads(tiny: Florence2) -> None:
    jobs = [(PICTURES[number % 4], PROMPTS[number % 3]) for number in range(12)]
    expected = [tiny.prompt(*job, **FEW) for job in jobs]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda job: tiny.prompt(*job, **FEW), jobs)) == expected


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"max_new_tokens": 0}, "max_new_tokens= takes a whole number of at least 1"),
        ({"max_new_tokens": 1.5}, "max_new_tokens= takes"),
        ({"num_beams": True}, "num_beams= takes"),
        ({"do_sample": "yes"}, "do_sample= takes True or False"),
        ({"do_sample": True, "seed": -1}, "seed= takes"),
        ({"seed": 1}, "changes nothing without do_sample=True"),
        ({"task": "<NOTHING>"}, "has no task"),
    ],
)
def test_options_that_make_no_sense(tiny: Florence2, options: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidParameterError, match=said):
        tiny.prompt(PICTURES[0], "a", **{**FEW, **options})


@pytest.mark.parametrize(
    ("images", "prompt", "said"),
    [
        (PICTURES[0], None, "A prompt is a text"),
        (PICTURES[0], 3, "A prompt is a text"),
        (PICTURES[0], b"a", "A prompt is a text"),
        (PICTURES[0], [], "A prompt is a text"),
        (PICTURES[0], ["a", 3], "A prompt is a text"),
        (PICTURES[:3], ["a", "b"], "3 images and 2 prompts"),
        (PICTURES[:2], ["a"] * 3, "2 images and 3 prompts"),
        (PICTURES[0], "word " * 200, r"make \d+ tokens, and the network takes 128. Shorten"),
        (PICTURES[0], "<REGION_TO_CATEGORY>", "needs a region"),
        (PICTURES[0], "<image>", "must not hold"),
        ("a.jpg", "a", "Load the file first"),
        (None, "a", "cv2.imread returns None"),
        ([], "a", "There is no image"),
        (np.zeros((4, 4), np.uint8), "a", "It is grey"),
    ],
)
def test_images_and_prompts_that_cannot_be_used(tiny: Florence2, images: Any, prompt: Any, said: str) -> None:
    with pytest.raises(ModelInputError, match=said):
        tiny.prompt(images, prompt, **FEW)


def test_it_never_generates_more_than_there_are_places_for(tiny: Florence2) -> None:
    inputs, sizes, _ = tiny.pre_process_generation(PICTURES[0], "<OD>")
    assert tiny.generate(inputs, num_beams=1).shape[1] <= 128
    assert (sizes[0].height, sizes[0].width) == (40, 56)


CALLS: list[tuple[str, dict[str, Any], type]] = [
    ("caption_image", {}, str),
    ("caption_image", {"granularity": "detailed"}, str),
    ("caption_image", {"granularity": "very_detailed"}, str),
    ("ocr_image", {}, str),
    ("parse_document", {}, Detections),
    ("detect_objects", {}, Detections),
    ("detect_objects", {"labels_mode": "captions"}, Detections),
    ("detect_objects", {"labels_mode": "rois"}, Detections),
    ("detect_objects", {"classes": ["red circle", "square"]}, Detections),
    ("ground_phrase", {"phrase": "a red circle"}, Detections),
    ("segment_phrase", {"phrase": "a red circle"}, InstanceDetections),
    ("segment_phrase", {"phrase": "a red circle", "mask_format": "rle"}, InstanceDetections),
    ("segment_region", {"xyxy": REGION}, InstanceDetections),
    ("classify_image_region", {"xyxy": REGION}, str),
    ("caption_image_region", {"xyxy": REGION}, str),
    ("ocr_image_region", {"xyxy": REGION}, str),
]


@pytest.mark.parametrize(("method", "arguments", "kind"), CALLS)
def test_every_method_gives_something_for_each_image(
    tiny: Florence2, method: str, arguments: dict[str, Any], kind: type
) -> None:
    for options in ({"num_beams": 1}, {"num_beams": 1, "do_sample": True, "seed": 2}):
        results = getattr(tiny, method)(PICTURES, **arguments, max_new_tokens=40, **options)
        assert [type(result) for result in results] == [kind] * 4
        for result in results:
            if isinstance(result, Detections):
                assert result.xyxy.shape == (len(result), 4)
                assert result.to_dict()["detections"] is not None
                result.to_supervision()


@pytest.mark.parametrize(
    ("method", "arguments", "said"),
    [
        ("caption_image", {"granularity": "long"}, "granularity='long' does not exist"),
        ("caption_image", {"granularity": ["normal"]}, "does not exist"),
        ("detect_objects", {"labels_mode": "class"}, "Did you mean 'classes'"),
        ("detect_objects", {"labels_mode": "rois", "classes": ["a"]}, "go with labels_mode='classes'"),
        ("detect_objects", {"classes": []}, "must name what to look for"),
        ("detect_objects", {"classes": ["a", ""]}, "must name what to look for"),
        ("detect_objects", {"classes": 3}, "must name what to look for"),
        ("ground_phrase", {"phrase": " "}, "must be a text"),
        ("ground_phrase", {"phrase": None}, "must be a text"),
        ("segment_phrase", {"phrase": "a", "mask_format": "png"}, "mask_format='png' does not exist"),
        ("segment_region", {"xyxy": None}, "must say which region is meant"),
        ("classify_image_region", {"xyxy": (0, 0, 100, 100)}, "lies outside the image, which is 56 pixels wide"),
        ("ocr_image", {"num_beams": 0}, "num_beams= takes"),
    ],
)
def test_arguments_that_make_no_sense(tiny: Florence2, method: str, arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidParameterError, match=said):
        getattr(tiny, method)(PICTURES[0], **arguments)


@pytest.mark.parametrize(
    ("method", "misspelt", "meant"),
    [
        ("prompt", "max_new_token", "max_new_tokens"),
        ("pre_process_generation", "input_colour_format", "input_color_format"),
        ("generate", "num_beam", "num_beams"),
        ("post_process_generation", "skip_special_token", "skip_special_tokens"),
        ("caption_image", "granularty", "granularity"),
        ("ocr_image", "do_samples", "do_sample"),
        ("detect_objects", "label_mode", "labels_mode"),
        ("ground_phrase", "seeds", "seed"),
        ("segment_phrase", "mask_formt", "mask_format"),
        ("segment_region", "mask_formt", "mask_format"),
        ("classify_image_region", "num_beam", "num_beams"),
        ("caption_image_region", "max_tokens", "max_new_tokens"),
        ("ocr_image_region", "pre_processing_override", "pre_processing_overrides"),
        ("parse_document", "bogus", "max_new_tokens"),
    ],
)
def test_a_keyword_argument_that_no_method_knows(tiny: Florence2, method: str, misspelt: str, meant: str) -> None:
    with pytest.raises(InvalidParameterError, match=f"does not know the keyword argument '{misspelt}'") as caught:
        getattr(tiny, method)(PICTURES[0], **{misspelt: 1})
    assert meant in caught.value.message
    assert (misspelt == "bogus") or f"Did you mean '{meant}'" in caught.value.message


def test_every_public_method_checks_its_keyword_arguments() -> None:
    taken = {"from_pretrained", "close", "ensure_open", "owns", "perform"}  # by the core, or without any
    public = {name: one for name, one in inspect.getmembers(Florence2, inspect.isfunction) if name[0] != "_"}
    assert [name for name in public if name not in taken and not hasattr(public[name], "__wrapped__")] == []


def test_the_three_steps_with_a_task(tiny: Florence2) -> None:
    inputs, sizes, metadata = tiny.pre_process_generation(PICTURES[:2], "<OD>")
    ids = tiny.generate(inputs, **FEW)
    given = tiny.post_process_generation(ids, metadata=metadata, task="<OD>")
    assert given == tiny.post_process_generation(ids, image_dimensions=sizes, task="<OD>")
    assert given == tiny.prompt(PICTURES[:2], "<OD>", task="<OD>", **FEW)
    assert [list(one) for one in given] == [["<OD>"]] * 2
    with pytest.raises(InvalidParameterError, match="how each of the 2 images was prepared, and it is about 0"):
        tiny.post_process_generation(ids, task="<OD>")


def test_a_closed_model(tiny_package: Path) -> None:
    model = AutoModel.from_pretrained(tiny_package, device="cpu")
    assert model.runtime["dtype"] == "float32"
    model.close()
    model.close()
    for call in (lambda: model.prompt(PICTURES[0], "a"), lambda: model.perform("caption", PICTURES[0])):
        with pytest.raises(SessionClosedError):
            call()


def test_defaults_come_from_the_environment(tiny: Florence2, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INFERENCE_MODELS_FLORENCE2_DEFAULT_MAX_NEW_TOKENS", "3")
    monkeypatch.setenv("INFERENCE_MODELS_FLORENCE2_DEFAULT_NUM_BEAMS", "1")
    inputs, _, _ = tiny.pre_process_generation(PICTURES[0], "<OD>")
    assert tiny.generate(inputs).shape[1] == 4
    monkeypatch.setenv("INFERENCE_MODELS_FLORENCE2_DEFAULT_DO_SAMPLE", "1")
    assert len({tuple(tiny.generate(inputs, max_new_tokens=9)[0].tolist()) for _ in range(5)}) > 1
