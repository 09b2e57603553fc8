"""The plan as a whole: what it is like whatever the input, and what it says when nothing is usable."""

from __future__ import annotations

import json
import random
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inference_models.errors import AmbiguousModelPackageResolutionError, NoModelPackagesAvailableError
from inference_models.metadata import FileDownloadSpecs, UnreadablePackage
from inference_models.specs import LazyClass

BATCHES = st.sampled_from(
    [
        {},
        {"static_batch_size": 1},
        {"static_batch_size": 8},
        {"dynamic_batch_size_supported": True},
        {"dynamic_batch_size_supported": False},
        {"dynamic_batch_size_supported": True, "min_dynamic_batch_size": 2, "max_dynamic_batch_size": 8},
        {"dynamic_batch_size_supported": True, "max_dynamic_batch_size": 4},
    ]
)
NMS = {"max_detections": 300, "confidence_threshold": 0.25, "iou_threshold": 0.7, "class_agnostic": False}
FEATURES = st.sampled_from(
    [
        {},
        {"fused": True},
        {"odd": 1},
        {"nms_fused": NMS},
        {"nms_fused": {**NMS, "iou_threshold": 0.5}},
        {"nms_fused": 7},
    ]
)
RANKS = st.sampled_from(
    [None, 5, (), (1,), (1, 2), (2.5,), ("a",), (None, 1), (float("nan"),), (object(),), (("a", 1),)]
)
FILES = st.sampled_from(
    [
        {},
        {"directory": None, "package_artefacts": [FileDownloadSpecs("https://example.com/w", "w", "0" * 32)]},
        {"directory": None, "package_artefacts": [FileDownloadSpecs("https://example.com/w", "w")]},
        {"package_artefacts": [FileDownloadSpecs("https://example.com/w", "../w", "0" * 32)]},
    ]
)
DETAILS = st.builds(lambda check, rank: {"check": check, "rank": rank}, st.sampled_from([None, "no", 1, ""]), RANKS)
FIELDS = st.builds(
    lambda batch, files, **fields: {**fields, **batch, **files},
    batch=BATCHES,
    files=FILES,
    backend=st.sampled_from(["trt", "onnx", "torch", "abacus"]),
    quantization=st.sampled_from(["fp32", "fp16", "int8", "bf16", "unknown"]),
    trusted_source=st.booleans(),
    model_features=FEATURES,
    backend_details=DETAILS,
)
REQUESTS = st.fixed_dictionaries(
    {
        "backend": st.sampled_from([None, "onnx", ["torch", "trt", "onnx"]]),
        "batch_size": st.sampled_from([None, 1, (2, 4), (1, 16)]),
        "quantization": st.sampled_from([None, "fp32", ["FP16", "int8"]]),
        "device": st.sampled_from([None, "cpu", "cuda:0"]),
        "allow_untrusted_packages": st.booleans(),
        "download_files_without_hash": st.booleans(),
        "nms_fusion_preferences": st.sampled_from([None, True, {"iou_threshold": (0.4, 0.8)}, {}]),
        "model_package_id": st.sampled_from([None, None, None, "p0"]),
    }
)
same_fixture_for_all = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def check(package, environment, request) -> object:
    answer = (package.backend_details or {}).get("check")
    if answer == 1:
        raise SystemExit(3)
    return answer


def rank(package, environment, request) -> object:
    answer = (package.backend_details or {}).get("rank")
    if answer == 5:
        raise RecursionError
    return answer


def ids(plan) -> list[str]:
    return [verdict.package.package_id for verdict in plan.candidates]


@same_fixture_for_all
@given(
    packages=st.lists(st.tuples(st.sampled_from(["p0", "p1", "p2", "p3"]), FIELDS), max_size=8),
    seed=st.integers(),
    request=REQUESTS,
)
def test_the_order_does_not_depend_on_the_input_order(plan_for, make_package, packages, seed, request) -> None:
    """Also when packages share an id, and when a plugin's check or ranking fails."""
    made = [make_package(name, **fields) for name, fields in packages]
    shuffled = random.Random(seed).sample(made, len(made))
    plans = [plan_for(one, check=check, rank=rank, **request) for one in (made, shuffled)]
    assert plans[0].verdicts == plans[1].verdicts


@same_fixture_for_all
@given(fields=st.lists(FIELDS, min_size=1, max_size=8), request=REQUESTS)
def test_a_package_is_usable_with_an_implementation_or_has_one_reason(plan_for, make_package, fields, request) -> None:
    packages = [make_package(f"p{index}", **values) for index, values in enumerate(fields)]
    plan = plan_for(packages, check=check, rank=rank, **request)
    assert sorted(verdict.package.package_id for verdict in plan.verdicts) == [one.package_id for one in packages]
    for verdict in plan.verdicts:
        assert verdict.usable == (verdict.reason is None) == (verdict.implementation is not None)
        assert verdict.usable == (verdict.rejected_by is None)
        assert verdict.usable or (isinstance(verdict.reason, str) and verdict.reason.strip())


@same_fixture_for_all
@given(fields=st.lists(FIELDS, max_size=6), unusable=FIELDS, name=st.sampled_from(["0", "p0", "z"]), request=REQUESTS)
def test_an_unusable_package_never_changes_the_choice(plan_for, make_package, fields, unusable, name, request) -> None:
    packages = [make_package(f"p{index}", **values) for index, values in enumerate(fields)]
    added = make_package(name, **unusable)
    if plan_for([added], check=check, rank=rank, **request).candidates:
        added = make_package(name, **{**unusable, "backend": "abacus"})
    before, after = (plan_for(one, check=check, rank=rank, **request) for one in (packages, [added, *packages]))
    assert ids(before) == ids(after)
    if before.candidates:
        assert before.require_candidates() == after.require_candidates()


def test_a_plan_becomes_json(plan_for, make_package) -> None:
    packages = [
        make_package("a", dynamic_batch_size_supported=True, max_dynamic_batch_size=8, model_features={"fused": (1,)}),
        make_package("b", "abacus", static_batch_size=2, trusted_source=False),
    ]
    plan = plan_for(packages, unreadable=[UnreadablePackage("c", "no manifest")], allow_untrusted_packages=True)
    document = json.loads(json.dumps(plan.to_dict()))
    assert (document["model_id"], document["chosen"], document["notes"]) == ("acme/1", "a", None)
    assert document["request"]["allow_untrusted_packages"] is True
    assert document["request"]["download_files_without_hash"] is False
    assert document["packages"][0] == {
        "package_id": "a",
        "backend": "onnx",
        "quantization": "unknown",
        "batch_size": "1-8",
        "static_batch_size": None,
        "dynamic_batch_size_supported": True,
        "min_dynamic_batch_size": None,
        "max_dynamic_batch_size": 8,
        "weights_license": None,
        "source": None,
        "version": None,
        "code_license": None,
        "trusted_source": True,
        "model_features": {"fused": [1]},
        "usable": True,
        "reason": None,
        "rejected_by": None,
        "implementation": "im-acme 1.0",
        "rank": 1,
    }
    rejected = document["packages"][1]
    assert (rejected["usable"], rejected["rank"], rejected["rejected_by"]) == (False, None, "backend_is_available")
    assert (rejected["static_batch_size"], rejected["trusted_source"]) == (2, False)
    assert document["packages"][2]["rejected_by"] == "is_readable"


def test_a_plan_prints_as_a_list(plan_for, make_package) -> None:
    plan = plan_for([make_package("b", static_batch_size=1), make_package("a", "abacus"), make_package("c", "trt")])
    assert str(plan).splitlines() == [
        "Model 'acme/1': 2 of 3 packages can be used here",
        "  1. c (trt, unknown, batch ?): usable with im-acme 1.0",
        "  2. b (onnx, unknown, batch 1): usable with im-acme 1.0",
        "  - a (abacus, unknown, batch ?): no installed plugin provides the backend 'abacus'",
    ]


def test_an_unknown_package_id_names_near_ones(plan_for, make_package) -> None:
    with pytest.raises(NoModelPackagesAvailableError, match=r"no package 'onnx-fp23'\. Did you mean 'onnx-fp32'"):
        plan_for([make_package("onnx-fp32")], model_package_id="onnx-fp23").require_candidates()


def test_a_package_asked_for_by_its_id_is_checked_like_any_other(plan_for, make_package) -> None:
    plan = plan_for([make_package("a", trusted_source=False), make_package("b")], model_package_id="a")
    with pytest.raises(NoModelPackagesAvailableError, match="a: its provider does not mark it as trusted") as caught:
        plan.require_candidates()
    assert "another package" not in caught.value.message


def test_of_two_packages_with_the_id_asked_for_only_usable_ones_count(plan_for, make_package) -> None:
    packages = [make_package("a"), make_package("a", trusted_source=False)]
    [verdict] = plan_for(packages, model_package_id="a").require_candidates()
    assert verdict.package.trusted_source


def test_one_id_for_two_packages_is_ambiguous(plan_for, make_package) -> None:
    with pytest.raises(AmbiguousModelPackageResolutionError, match="2 packages with the id 'a'"):
        plan_for([make_package("a"), make_package("a", "trt")], model_package_id="a").require_candidates()


def test_an_unreadable_package_is_a_verdict_like_any_other(plan_for, make_package) -> None:
    unreadable = UnreadablePackage("b", "its manifest has no backendType")
    plan = plan_for([make_package("a")], unreadable=[unreadable])
    assert [(verdict.package.package_id, verdict.reason) for verdict in plan.verdicts] == [
        ("a", None),
        ("b", "its manifest has no backendType"),
    ]
    with pytest.raises(NoModelPackagesAvailableError, match="b: its manifest has no backendType"):
        plan_for([], unreadable=[unreadable]).require_candidates()


def test_what_holds_for_a_backend_is_asked_once_however_many_packages_it_has(
    plan_for, make_package, monkeypatch
) -> None:
    resolved: list[str] = []

    def resolve(target: LazyClass) -> Callable[..., object]:
        resolved.append(target.class_name)
        return lambda *_: (1,) if target.class_name == "rank" else None

    monkeypatch.setattr(LazyClass, "resolve", resolve)
    packages = [make_package(f"p{number}", ("onnx", "torch")[number % 2]) for number in range(50)]
    plan = plan_for(packages, check=LazyClass("acme", "check"), rank=LazyClass("acme", "rank"))
    assert len(plan.candidates) == 50
    assert sorted(resolved) == ["check", "check", "rank", "rank"]


def test_a_model_without_packages_is_an_error(plan_for) -> None:
    with pytest.raises(NoModelPackagesAvailableError, match="has no packages"):
        plan_for([]).require_candidates()
