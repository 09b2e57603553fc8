"""The stream gives what `infer` gives, in order, with stages overlapped, bounded, and nothing left behind."""

from __future__ import annotations

import gc
import itertools
import threading
import weakref
from collections.abc import Iterator
from contextlib import closing
from threading import Barrier, Event
from typing import Any, Self

import numpy as np
import pytest

from inference_models import (
    ClassificationModel,
    InstanceSegmentationModel,
    InvalidParameterError,
    ObjectDetectionModel,
    OpenVocabularyObjectDetectionModel,
    SessionClosedError,
    predict_stream,
)

WAIT = 20.0  # seconds after which a test fails instead of hanging


class Loads:
    class_names = ("dog",)

    @classmethod
    def from_pretrained(cls, model_name_or_path: str, **kwargs: Any) -> Self:
        return cls()


class Detector(Loads, ObjectDetectionModel[Any, Any, Any]):
    def pre_process(self, images: Any, *, scale: int = 1) -> tuple[Any, Any]:
        return images * scale, f"about {images}"

    def forward(self, pre_processed_images: Any, *, offset: int = 0) -> Any:
        return pre_processed_images + offset

    def post_process(self, model_results: Any, pre_processing_meta: Any, *, sign: int = 1) -> Any:
        return [(model_results * sign, pre_processing_meta)]


class Classifier(Loads, ClassificationModel[Any, Any]):
    def pre_process(self, images: Any) -> Any:
        return images + 1

    def forward(self, pre_processed_images: Any) -> Any:
        return pre_processed_images * 2

    def post_process(self, model_results: Any, *, sign: int = 1) -> Any:
        return model_results * sign


class Searcher(Loads, OpenVocabularyObjectDetectionModel[Any, Any, Any]):
    def pre_process(self, images: Any) -> tuple[Any, Any]:
        return images, "meta"

    def forward(self, pre_processed_images: Any, classes: list[str]) -> Any:
        return pre_processed_images, classes

    def post_process(self, model_results: Any, pre_processing_meta: Any) -> Any:
        return [model_results]


class Segmenter(Loads, InstanceSegmentationModel[Any, Any, Any]):
    supported_mask_formats = frozenset({"rle"})

    def pre_process(self, images: Any) -> tuple[Any, Any]:
        return images, None

    def forward(self, pre_processed_images: Any) -> Any:
        return pre_processed_images

    def post_process(self, model_results: Any, pre_processing_meta: Any, *, mask_format: str = "rle") -> Any:
        return [mask_format]


class Unrelated:
    """A model of somebody's own that derives from nothing."""

    def pre_process(self, images: Any, scale: int = 1) -> Any:
        return images * scale

    def forward(self, inputs: Any) -> Any:
        return inputs + 1

    def post_process(self, raw: Any, sign: int = 1) -> Any:
        return raw * sign


class UnrelatedWithMetadata:
    """Another one, which hands something past the network."""

    def pre_process(self, images: Any, scale: int = 1) -> Any:
        return images * scale, images

    def forward(self, inputs: Any) -> Any:
        return inputs + 1

    def post_process(self, raw: Any, metadata: Any, sign: int = 1) -> Any:
        return raw * sign, metadata


def stream_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("predict_stream")]


@pytest.fixture(autouse=True)
def _nothing_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) - before == set()


@pytest.mark.parametrize("parallel_runs", [1, 2, 5])
@pytest.mark.parametrize("depth", [None, 1, 3, 10])
@pytest.mark.parametrize(
    ("model", "options"),
    [
        (Detector(), {}),
        (Detector(), {"scale": 3, "offset": 1, "sign": -1}),
        (Classifier(), {"sign": -1}),
        (Searcher(), {"classes": ["cat"]}),
        (Segmenter(), {"mask_format": "rle"}),
    ],
)
def test_it_gives_what_infer_gives_in_order(
    model: Any, options: dict[str, Any], depth: int | None, parallel_runs: int
) -> None:
    found = list(predict_stream(model, range(40), depth=depth, parallel_runs=parallel_runs, **options))
    assert found == [(image, model.infer(image, **options)) for image in range(40)]


def test_models_that_derive_from_nothing() -> None:
    assert list(predict_stream(Unrelated(), [1, 2], scale=3, sign=-1)) == [(1, -4), (2, -7)]
    assert list(predict_stream(UnrelatedWithMetadata(), [1, 2], scale=3, sign=-1)) == [(1, (-4, 1)), (2, (-7, 2))]


def test_no_images() -> None:
    assert list(predict_stream(Detector(), [])) == []


def test_all_three_stages_work_at_the_same_time() -> None:
    together = Barrier(3)

    class Meeting(Detector):
        def pre_process(self, images: Any, **kwargs: Any) -> Any:
            if images == 2:
                together.wait(WAIT)
            return super().pre_process(images)

        def forward(self, pre_processed_images: Any, **kwargs: Any) -> Any:
            if pre_processed_images == 1:
                together.wait(WAIT)
            return pre_processed_images

        def post_process(self, model_results: Any, pre_processing_meta: Any, **kwargs: Any) -> Any:
            if model_results == 0:
                together.wait(WAIT)
            return model_results

    assert list(predict_stream(Meeting(), range(3))) == [(0, 0), (1, 1), (2, 2)]


def test_the_network_works_on_several_images_at_once_and_the_order_stays() -> None:
    together = Barrier(2)
    second_is_through = Event()

    class Meeting(Detector):
        def forward(self, pre_processed_images: Any, **kwargs: Any) -> Any:
            together.wait(WAIT)
            if pre_processed_images % 2 == 0:
                assert second_is_through.wait(WAIT)
            second_is_through.set()
            return pre_processed_images

    found = list(predict_stream(Meeting(), range(2), parallel_runs=2))
    assert found == [(number, [(number, f"about {number}")]) for number in range(2)]


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_no_more_images_are_taken_than_depth_ahead_of_the_caller(depth: int) -> None:
    taken = []
    waiting = Event()

    def endless() -> Iterator[int]:
        for number in itertools.count():
            taken.append(number)
            if len(taken) == 10 + depth:
                waiting.set()
            yield number

    with closing(predict_stream(Detector(), endless(), depth=depth)) as stream:
        for number, _ in itertools.islice(stream, 10):
            assert len(taken) <= number + 1 + depth
        assert waiting.wait(WAIT), "it does work ahead"
        assert len(taken) == 10 + depth
    assert len(taken) == 10 + depth


class Failing(Detector):
    """Fails in one stage for image 3."""

    def __init__(self, stage: str) -> None:
        self.stage = stage

    def pre_process(self, images: Any, **kwargs: Any) -> Any:
        if self.stage == "pre" and images == 3:
            raise ArithmeticError("in pre")
        return super().pre_process(images)

    def forward(self, pre_processed_images: Any, **kwargs: Any) -> Any:
        if self.stage == "forward" and pre_processed_images == 3:
            raise ArithmeticError("in forward")
        return pre_processed_images

    def post_process(self, model_results: Any, pre_processing_meta: Any, **kwargs: Any) -> Any:
        if self.stage == "post" and model_results == 3:
            raise ArithmeticError("in post")
        return model_results


def failing_source() -> Iterator[int]:
    yield from range(3)
    raise ArithmeticError("in source")


@pytest.mark.parametrize("parallel_runs", [1, 3])
@pytest.mark.parametrize("stage", ["pre", "forward", "post", "source"])
def test_a_failure_comes_in_place_of_its_image_and_ends_the_stream(stage: str, parallel_runs: int) -> None:
    images = failing_source() if stage == "source" else range(10)
    stream = predict_stream(Failing(stage), images, parallel_runs=parallel_runs)
    assert [next(stream)[0] for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ArithmeticError, match=f"in {stage}"):
        next(stream)
    assert stream_threads() == []
    assert list(stream) == []


def test_closing_stops_the_threads_also_when_forgotten() -> None:
    stream = predict_stream(Detector(), itertools.count(), parallel_runs=2)
    assert stream_threads() == [], "nothing starts before the first image is asked for"
    next(stream)
    assert len(stream_threads()) == 4
    stream.close()
    assert stream_threads() == []

    forgotten = predict_stream(Detector(), itertools.count())
    next(forgotten)
    del forgotten
    gc.collect()
    assert stream_threads() == []


def test_only_the_last_one_yielded_is_kept() -> None:
    with closing(predict_stream(Detector(), (np.full(3, number) for number in itertools.count()), depth=2)) as stream:
        seen = [weakref.ref(next(stream)[0]) for _ in range(20)]
        assert sum(ref() is not None for ref in seen) <= 1


@pytest.mark.parametrize("count", [0, -1, 1.5, True, "2"])
@pytest.mark.parametrize("name", ["depth", "parallel_runs"])
def test_counts_that_make_no_sense(name: str, count: Any) -> None:
    with pytest.raises(InvalidParameterError, match=f"{name} must be"):
        predict_stream(Detector(), [1], **{name: count})


def test_mistakes_show_at_once() -> None:
    with pytest.raises(InvalidParameterError, match="does not know the keyword argument 'scael'"):
        predict_stream(Detector(), [1], scael=3)
    with pytest.raises(InvalidParameterError, match="cannot give masks as 'dense'"):
        predict_stream(Segmenter(), [1], mask_format="dense")
    with pytest.raises(InvalidParameterError, match="has no pre_process and no forward and no post_process"):
        predict_stream(object(), [1])
    with pytest.raises(InvalidParameterError, match=r"got an array of shape \(4, 5, 3\). Put a single image into a"):
        predict_stream(Detector(), np.zeros((4, 5, 3), np.uint8))
    for images, kind in ((None, "NoneType"), ("street.jpg", "str")):
        with pytest.raises(InvalidParameterError, match=f"got a {kind}"):
            predict_stream(Detector(), images)  # type: ignore[arg-type]
    closed = Detector()
    closed.close()
    with pytest.raises(SessionClosedError):
        predict_stream(closed, [1])
