"""Every way a package can be rejected, and that the reason says why and what would help."""

from __future__ import annotations

import pytest

from inference_models.environment import Gpu
from inference_models.errors import NoModelPackagesAvailableError


def reason(plan_for, package, **options) -> str | None:
    [verdict] = plan_for([package], **options).verdicts
    return verdict.reason


@pytest.mark.parametrize(
    ("fields", "options", "expected"),
    [
        ({}, {"model_package_id": "b"}, "another package was asked for: 'b'"),
        ({}, {"backend": ["torch", "trt"]}, "backend 'onnx' was not asked for (backend=['torch', 'trt'])"),
        ({"trusted_source": False}, {}, "allow_untrusted_packages=True permits it"),
        ({}, {"unavailable": {"onnx": "no runtime"}}, "backend 'onnx' is unavailable: no runtime; to fix it: mend it"),
        ({"backend": "abacus"}, {}, "no installed plugin provides the backend 'abacus'"),
        ({}, {"architecture": "otherNet"}, "no installed plugin implements the architecture 'otherNet'"),
        ({}, {"architecture": "yolov8"}, "architecture 'yolov8'. Install it: pip install im-yolo"),
        ({}, {"task_type": "embedding"}, "is implemented for classification, not for 'embedding'"),
        ({"model_features": {"nms": {}}}, {}, "im-acme 1.0 does not support its features ['nms']"),
        ({"static_batch_size": 8}, {"batch_size": 4}, "it runs batches of 8, asked for: 4"),
        ({"static_batch_size": 8}, {"batch_size": (1, 4)}, "asked for: 1 to 4"),
        ({"quantization": "int8"}, {"quantization": ["fp32", "fp16"]}, "is int8, asked for: fp16, fp32"),
        (
            {"backend": "torch", "quantization": "fp16"},
            {},
            "is fp16, chosen by default on cpu: fp32, unknown; quantization= permits others",
        ),
        (
            {"backend": "torch", "quantization": "fp32"},
            {"device": "cuda:1"},
            "is fp32, chosen by default on cuda: fp16, unknown",
        ),
        ({}, {"check": lambda *_: "opset 99 is too new"}, "opset 99 is too new"),
    ],
)
def test_a_rejected_package_has_its_reason(plan_for, make_package, fields, options, expected) -> None:
    assert expected in (reason(plan_for, make_package("a", **fields), **options) or "")


@pytest.mark.parametrize(
    ("fields", "options"),
    [
        ({}, {}),
        ({}, {"model_package_id": "a"}),
        ({}, {"backend": "ONNX"}),
        ({"trusted_source": False}, {"allow_untrusted_packages": True}),
        ({}, {"task_type": None}),
        ({"model_features": {"fused": {"iou": 0.5}}}, {}),
        ({"model_features": {"nms": None, "other": False}}, {}),
        ({"static_batch_size": 4}, {"batch_size": (2, 8)}),
        ({"dynamic_batch_size_supported": True}, {"batch_size": 16}),
        ({"quantization": "int8"}, {}),
        ({"quantization": "int8"}, {"quantization": "INT8"}),
        ({"backend": "torch"}, {"device": "cuda"}),
        ({}, {"check": lambda *_: None}),
    ],
)
def test_a_fitting_package_is_usable(plan_for, make_package, fields, options) -> None:
    assert reason(plan_for, make_package("a", **fields), **options) is None


def test_a_check_that_fails_rejects_its_package_only(plan_for, make_package) -> None:
    def check(package, environment, request) -> str | None:
        if package.package_id == "bad":
            raise RuntimeError("confused")
        return None

    plan = plan_for([make_package("bad"), make_package("good")], check=check)
    assert [verdict.package.package_id for verdict in plan.candidates] == ["good"]
    assert "compatibility check of im-acme 1.0 failed: RuntimeError: confused" in plan.verdicts[-1].reason


def test_the_error_lists_every_package_with_its_reason(plan_for, make_package) -> None:
    plan = plan_for([make_package("b", static_batch_size=8), make_package("a", "torch")], batch_size=1, backend="onnx")
    with pytest.raises(NoModelPackagesAvailableError) as caught:
        plan.require_candidates()
    assert caught.value.message.splitlines() == [
        "No package of model 'acme/1' can be used here:",
        "  - a: backend 'torch' was not asked for (backend=['onnx'])",
        "  - b: it runs batches of 8, asked for: 1",
    ]


def test_a_machine_with_a_gpu_also_takes_what_suits_the_gpu(plan_for, make_package) -> None:
    gpu = Gpu(index=0, name="nvidia-l4", compute_capability="8.9", memory_bytes=1, uuid="x")
    package = make_package("a", "torch", quantization="fp16")
    assert reason(plan_for, package, gpus=[gpu]) is None
    assert "is fp16" in (reason(plan_for, package, gpus=[gpu], device="cpu") or "")
