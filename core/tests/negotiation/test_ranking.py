"""Which package comes first, criterion by criterion."""

from __future__ import annotations

import pytest


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
        ({"static_batch_size": 1}, {"static_batch_size": 8}),
    ],
)
def test_a_better_package_comes_first_whatever_its_id(plan_for, make_package, better, worse) -> None:
    packages = [make_package("a", **worse), make_package("z", **better)]
    assert order(plan_for, packages, allow_untrusted_packages=True) == ["z", "a"]


def test_the_id_decides_between_equals(plan_for, make_package) -> None:
    assert order(plan_for, [make_package(name) for name in "cab"]) == ["a", "b", "c"]
