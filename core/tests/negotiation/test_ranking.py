"""Which package comes first, criterion by criterion."""

from __future__ import annotations

import random
from fractions import Fraction

import pytest

from inference_models.metadata import FileDownloadSpecs
from inference_models.negotiation.ranking import comparable
from inference_models.specs import LazyClass


def order(plan_for, packages, **request) -> list[str]:
    return [verdict.package.package_id for verdict in plan_for(packages, **request).candidates]


def test_backends_by_priority(plan_for, make_package) -> None:
    packages = [make_package(f"{name}-package", name) for name in ("torch", "onnx", "trt")]
    assert order(plan_for, packages) == ["trt-package", "onnx-package", "torch-package"]


def test_backends_in_the_order_in_which_they_were_asked_for(plan_for, make_package) -> None:
    packages = [make_package(name, name) for name in ("trt", "onnx", "torch")]
    assert order(plan_for, packages, backend=["torch", "onnx"]) == ["torch", "onnx"]


def test_the_default_order_can_be_set_and_the_rest_follows(plan_for, make_package, monkeypatch) -> None:
    monkeypatch.setenv("INFERENCE_MODELS_BACKEND_ORDER", "torch")
    packages = [make_package(name, name) for name in ("trt", "onnx", "torch")]
    assert order(plan_for, packages) == ["torch", "trt", "onnx"]


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ({"quantization": "int8"}, {"quantization": "fp16"}),
        ({"quantization": "fp16"}, {"quantization": "fp32"}),
        ({"quantization": "fp32"}, {"quantization": "unknown"}),
        ({"quantization": "unknown"}, {"quantization": "bf16"}),
        ({"trusted_source": True}, {"trusted_source": False}),
        ({"dynamic_batch_size_supported": True}, {"static_batch_size": 1}),
        ({"dynamic_batch_size_supported": True}, {}),
        ({}, {"static_batch_size": 1}),
        ({"static_batch_size": 1}, {"static_batch_size": 8}),
    ],
)
def test_a_better_package_comes_first_whatever_its_id(plan_for, make_package, better, worse) -> None:
    packages = [make_package("a", **worse), make_package("z", **better)]
    assert order(plan_for, packages, allow_untrusted_packages=True) == ["z", "a"]


def test_the_id_decides_between_equals(plan_for, make_package) -> None:
    assert order(plan_for, [make_package(name) for name in "cab"]) == ["a", "b", "c"]


NMS = {"max_detections": 300, "confidence_threshold": 0.25, "iou_threshold": 0.7, "class_agnostic": False}


def fused(**settings: object) -> dict[str, object]:
    return {"model_features": {"nms_fused": {**NMS, **settings}}}


def test_the_fused_thresholds_nearest_to_those_asked_for(plan_for, make_package) -> None:
    packages = [
        make_package("a"),
        make_package("b", **fused(iou_threshold=0.5)),
        make_package("c", **fused(iou_threshold=0.59)),
        make_package("d", **fused(iou_threshold=0.9)),
    ]
    assert order(plan_for, packages, nms_fusion_preferences={"iou_threshold": (0.3, 0.9)}) == ["c", "b", "d", "a"]
    assert order(plan_for, packages, nms_fusion_preferences={}) == ["a", "b", "c", "d"]
    assert order(plan_for, packages) == ["a"]


def test_a_backends_own_ranking_decides_after_the_cores_criteria(plan_for, make_package) -> None:
    def rank(package, environment, request) -> tuple[object, ...]:
        return ({"a": 3, "b": 1, "c": 2}[package.package_id],)

    packages = [make_package("a", quantization="fp16"), make_package("b"), make_package("c")]
    assert order(plan_for, packages, rank=rank) == ["a", "b", "c"]
    assert order(plan_for, [*packages[1:], make_package("a")], rank=rank) == ["b", "c", "a"]


def test_a_ranking_that_fails_comes_last_within_its_backend_and_is_logged_once(plan_for, make_package, caplog) -> None:
    def rank(package, environment, request) -> tuple[object, ...]:
        if package.package_id in {"a", "b"}:
            raise KeyError("opset")
        return (1,)

    packages = [
        make_package("b", quantization="int8"),
        make_package("a", quantization="int8"),
        make_package("c"),
        make_package("d", "torch"),
    ]
    assert order(plan_for, packages, rank=rank) == ["c", "a", "b", "d"]
    [record] = caplog.records
    assert record.getMessage() == (
        "The ranking of im-acme 1.0 failed for 2 packages, which therefore come last among those of backend 'onnx'. "
        "Package a: KeyError: 'opset'"
    )


def test_a_ranking_that_cannot_be_imported_is_logged(plan_for, make_package, caplog) -> None:
    packages = [make_package("b"), make_package("a")]
    assert order(plan_for, packages, rank=LazyClass("no_such_module", "rank")) == ["a", "b"]
    assert "no_such_module:rank cannot be imported" in caplog.text


@pytest.mark.parametrize("answer", [None, 3, [1], "ab", ([1],), (object(),), (1j,)])
def test_ranks_that_do_not_compare_are_failures(plan_for, make_package, caplog, answer) -> None:
    assert order(plan_for, [make_package("b"), make_package("a")], rank=lambda *_: answer) == ["a", "b"]
    assert "failed for 2 packages" in caplog.text


def test_ranks_of_any_length_and_type_compare() -> None:
    ranks = [
        (-1, "z"),
        (0,),
        (0, 1),
        (0, 1.5),
        (0, 2, None),
        (0, "10.3"),
        (0, "9.1"),
        (0, (9, 1)),
        (0, (10, 3)),
        (0, None),
        (1,),
        ("a",),
        (None,),
    ]
    for seed in range(20):
        shuffled = random.Random(seed).sample(ranks, len(ranks))
        assert sorted(shuffled, key=comparable) == ranks
    assert comparable((float("nan"),)) == comparable((None,))
    assert comparable((True, Fraction(1, 2))) == comparable((1, 0.5))


def test_equal_ids_are_ordered_by_whatever_else_is_known(plan_for, make_package) -> None:
    files = [FileDownloadSpecs(f"https://host/weights.onnx?part={part}", "weights.onnx") for part in "ab"]
    first, second = (make_package("same", directory=None, package_artefacts=[file]) for file in files)
    plans = [plan_for(packages) for packages in ([first, second], [second, first])]
    assert [verdict.package for verdict in plans[0].verdicts] == [verdict.package for verdict in plans[1].verdicts]


def test_details_that_cannot_be_printed_do_no_harm(plan_for, make_package) -> None:
    class Details:
        def __repr__(self) -> str:
            raise ValueError("no")

    assert order(plan_for, [make_package("a", backend_details=Details()) for _ in range(3)]) == ["a", "a", "a"]
