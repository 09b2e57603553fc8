"""One model, several threads: the same results as from one, also through the stream."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from inference_models import Detections, predict_stream

SECONDS = 2.0
THREADS = 4


def same(first: Detections, second: Detections) -> bool:
    return (
        np.array_equal(first.xyxy, second.xyxy)
        and np.array_equal(first.class_id, second.class_id)
        and np.array_equal(first.confidence, second.confidence)
    )


def test_results_from_several_threads_are_those_from_one(workbench: Any) -> None:
    model = workbench.load(workbench.looking(batch=None))
    sizes = ((240, 400), (400, 240), (320, 320), (97, 31), (720, 1280))
    pictures = [workbench.picture(*size, seed=seed) for seed, size in enumerate(sizes)]
    calls: list[tuple[Any, dict[str, Any]]] = [
        *((picture, {}) for picture in pictures),
        (pictures, {"confidence": 0.6}),
        (pictures[:2], {"confidence": 0.5, "iou_threshold": 0.5, "class_agnostic_nms": True}),
        (pictures[2], {"input_color_format": "rgb", "max_detections": 7}),
    ]
    expected = [model.infer(images, **options) for images, options in calls]
    assert sum(map(len, expected[0])) > 10, "there is something to compare"
    until = time.monotonic() + SECONDS

    def work(seed: int) -> int:
        random = np.random.default_rng(seed)
        done = 0
        while time.monotonic() < until:
            number = int(random.integers(len(calls)))
            images, options = calls[number]
            found = model.infer(images, **options)
            assert all(same(one, other) for one, other in zip(found, expected[number], strict=True))
            done += 1
        return done

    with ThreadPoolExecutor(THREADS) as pool:
        counts = list(pool.map(work, range(THREADS)))
    assert min(counts) >= 3
    model.close()


def test_the_stream_gives_what_single_calls_give(workbench: Any) -> None:
    model = workbench.load(workbench.looking())
    pictures = [workbench.picture(200 + 20 * seed, 300, seed=seed) for seed in range(12)]
    expected = [model.infer(picture, confidence=0.5)[0] for picture in pictures]
    assert sum(map(len, expected)) > 50
    for number, (picture, (found,)) in enumerate(predict_stream(model, pictures, confidence=0.5)):
        assert picture is pictures[number]
        assert same(found, expected[number])
    batches = [pictures[:5], pictures[5:]]
    found_in_batches = [one for _, found in predict_stream(model, batches, confidence=0.5) for one in found]
    assert all(same(one, other) for one, other in zip(found_in_batches, expected, strict=True))
    model.close()
