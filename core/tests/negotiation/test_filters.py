"""Every way a package can be rejected, and that the reason says why and what would help."""

from __future__ import annotations

from pathlib import Path

import pytest

from inference_models.catalog import current_catalog
from inference_models.environment import Environment, Gpu, current_environment
from inference_models.errors import NoModelPackagesAvailableError
from inference_models.memo import Memo
from inference_models.metadata import FileDownloadSpecs, ModelMetadata, ModelPackageMetadata
from inference_models.negotiation import make_request, negotiate
from inference_models.specs import LazyClass

DYNAMIC = {"dynamic_batch_size_supported": True}
LIMITS = {"min_dynamic_batch_size": 2, "max_dynamic_batch_size": 8}

FETCHED = {"directory": None}


def files(*handles: str, md5: str | None = "0" * 32, **facts: object) -> list[FileDownloadSpecs]:
    return [FileDownloadSpecs("https://example.com/w", handle, md5, **facts) for handle in handles]


def reason(plan_for, package, **options) -> str | None:
    [verdict] = plan_for([package], **options).verdicts
    return verdict.reason


@pytest.mark.parametrize(
    ("fields", "options", "expected"),
    [
        ({}, {"model_package_id": "b"}, "another package was asked for: 'b'"),
        ({}, {"backend": ["torch", "trt"]}, "backend 'onnx' was not asked for (backend=['torch', 'trt'])"),
        ({"trusted_source": False}, {}, "allow_untrusted_packages=True permits it"),
        ({**FETCHED, "package_artefacts": files("../w")}, {}, "its file '../w' is refused: '..' leads to another"),
        (
            {**FETCHED, "package_artefacts": files("w", "W")},
            {},
            "case or Unicode form does not count. The",
        ),
        ({"package_artefacts": files("/w")}, {}, "its file '/w' is refused: it is an absolute path"),
        (
            {**FETCHED, "package_artefacts": files("ok", md5="0" * 32) + files("w", md5=None)},
            {},
            "its file 'w' came without the MD5 sum or SHA-256 that would prove what it is; "
            "download_files_without_hash=True permits it",
        ),
        (
            {**FETCHED, "package_artefacts": files("w", md5="beef")},
            {"download_files_without_hash": True},
            "MD5 sum stated for file 'w' is 'beef', not 32 hex digits",
        ),
        ({}, {"unavailable": {"onnx": "no runtime"}}, "backend 'onnx' is unavailable: no runtime; to fix it: mend it"),
        ({"backend": "abacus"}, {}, "no installed plugin provides the backend 'abacus'"),
        ({"backend": "onxx"}, {}, "the backend 'onxx'. The nearest one that is known is 'onnx'"),
        ({}, {"architecture": "AcmNet"}, "the architecture 'AcmNet'. The nearest one that is known is 'acmenet'"),
        ({}, {"architecture": "otherNet"}, "no installed plugin implements the architecture 'otherNet'"),
        ({}, {"task_type": "embedding"}, "is implemented for classification, not for 'embedding'"),
        ({"model_features": {"nms": {}}}, {}, "im-acme 1.0 does not support its features ['nms']"),
        ({"static_batch_size": 8}, {"batch_size": 4}, "it runs batches of 8, asked for: 4"),
        ({"static_batch_size": 8}, {"batch_size": (1, 4)}, "asked for: 1 to 4"),
        ({**DYNAMIC, **LIMITS}, {"batch_size": (1, 4)}, "it runs batches of 2 to 8, asked for: 1 to 4"),
        ({**DYNAMIC, **LIMITS}, {"batch_size": (4, 9)}, "it runs batches of 2 to 8, asked for: 4 to 9"),
        ({**DYNAMIC, "max_dynamic_batch_size": 8}, {"batch_size": 16}, "it runs batches of 1 to 8, asked for: 16"),
        ({**DYNAMIC, "min_dynamic_batch_size": 4}, {"batch_size": 2}, "it runs batches of at least 4, asked for: 2"),
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
    ("installed", "expected"),
    [
        (None, "architecture 'yolov8'. Install it: pip install im-yolo"),
        ("0.1.0", "im-yolo 0.1.0, which brings it, is installed but not in use: 'im plugins' says why"),
    ],
)
def test_the_distribution_that_would_implement_it_is_named(
    plan_for, make_package, monkeypatch, installed, expected
) -> None:
    monkeypatch.setattr("inference_models.distributions.installed_version", lambda name: installed)
    monkeypatch.setattr("inference_models.catalog._installed", Memo())
    assert (reason(plan_for, make_package("a"), architecture="yolov8") or "").endswith(expected)


@pytest.mark.parametrize(
    ("fields", "options"),
    [
        ({}, {}),
        ({}, {"model_package_id": "a"}),
        ({}, {"backend": "ONNX"}),
        ({"trusted_source": False}, {"allow_untrusted_packages": True}),
        ({**FETCHED, "package_artefacts": files("a/w", "a/x")}, {}),
        ({**FETCHED, "package_artefacts": files("w", md5=None, sha256_hash="F" * 64)}, {}),
        ({**FETCHED, "package_artefacts": files("w", md5=None)}, {"download_files_without_hash": True}),
        ({"package_artefacts": files("w", md5=None)}, {}),
        ({}, {"task_type": None}),
        ({"model_features": {"fused": {"iou": 0.5}}}, {}),
        ({"model_features": {"nms": None, "other": False}}, {}),
        ({"static_batch_size": 4}, {"batch_size": (2, 8)}),
        (DYNAMIC, {"batch_size": 16}),
        ({**DYNAMIC, **LIMITS}, {"batch_size": (2, 8)}),
        ({**DYNAMIC, "min_dynamic_batch_size": 4}, {"batch_size": 4000}),
        ({}, {"batch_size": 16}),
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


class UnprintableError(Exception):
    def __str__(self) -> str:
        raise ValueError


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (SystemExit(2), "failed: SystemExit: 2"),
        (UnprintableError(), "failed: UnprintableError"),
        (True, "failed: it must return None or a reason and returned bool"),
        (" ", "failed: it must return None or a reason and returned str"),
    ],
)
def test_whatever_a_check_does_is_a_reason(plan_for, make_package, answer, expected) -> None:
    def check(package, environment, request) -> object:
        if isinstance(answer, BaseException):
            raise answer
        return answer

    assert reason(plan_for, make_package("a"), check=check) == f"the compatibility check of im-acme 1.0 {expected}"


def test_a_check_that_cannot_be_imported_is_a_reason(plan_for, make_package) -> None:
    missing = LazyClass("no_such_module", "check")
    assert "no_such_module:check cannot be imported" in (reason(plan_for, make_package("a"), check=missing) or "")


def test_features_of_any_type_are_named(plan_for, make_package) -> None:
    package = make_package("a", model_features={7: True, "nms": 1})
    assert reason(plan_for, package) == "im-acme 1.0 does not support its features ['7', 'nms']"


def test_a_backend_that_the_environment_does_not_know(make_package) -> None:
    elsewhere = Environment.from_facts(backends=[])
    metadata = ModelMetadata("acme/1", "acmenet", [make_package("a")])
    [verdict] = negotiate(metadata, current_catalog(), elsewhere, make_request()).verdicts
    assert not verdict.usable
    assert "onnx" in (verdict.reason or "")


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


NPU = """
    from inference_models.developer_tools import BackendSpec, LazyClass, ModelSpec, hookimpl

    @hookimpl
    def im_backends():
        return BackendSpec(name="acme-npu", priority=1, detect=dict)

    @hookimpl
    def im_models():
        return ModelSpec(
            architectures="acmenet", task_type="classification", backends="acme-npu", target=LazyClass("a", "B")
        )
"""


@pytest.mark.parametrize("asked", [None, "ACME_npu", "acme.npu"])
def test_a_backend_is_the_same_in_every_spelling(install_plugin, asked: str | None) -> None:
    install_plugin("acme", NPU)
    package = ModelPackageMetadata("p", "Acme_NPU", trusted_source=True, directory=Path("x"))
    metadata = ModelMetadata("m", "acmenet", [package], task_type="classification")
    request = make_request(backend=asked, known_backends=["acme-npu"])
    plan = negotiate(metadata, current_catalog(), current_environment(), request)
    assert [str(verdict) for verdict in plan.candidates] == ["p (Acme_NPU, unknown, batch ?): usable with acme 1.0"]
