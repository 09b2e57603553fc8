"""The plan as a whole: what it is like whatever the input, and what it says when nothing is usable."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inference_models.errors import AmbiguousModelPackageResolutionError, NoModelPackagesAvailableError
from inference_models.metadata import UnreadablePackage

FIELDS = st.fixed_dictionaries(
    {
        "backend": st.sampled_from(["trt", "onnx", "torch", "abacus"]),
        "quantization": st.sampled_from(["fp32", "fp16", "int8", "bf16", "unknown"]),
        "trusted_source": st.booleans(),
        "static_batch_size": st.sampled_from([None, 1, 8]),
    }
)
same_fixture_for_all = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def ids(plan) -> list[str]:
    return [verdict.package.package_id for verdict in plan.candidates]


@same_fixture_for_all
@given(fields=st.lists(FIELDS, max_size=8), seed=st.integers())
def test_the_order_does_not_depend_on_the_input_order(plan_for, make_package, fields, seed) -> None:
    packages = [make_package(f"p{index}", **values) for index, values in enumerate(fields)]
    shuffled = random.Random(seed).sample(packages, len(packages))
    assert plan_for(packages).verdicts == plan_for(shuffled).verdicts


@same_fixture_for_all
@given(fields=st.lists(FIELDS, min_size=1, max_size=8))
def test_a_package_is_either_usable_with_an_implementation_or_has_a_reason(plan_for, make_package, fields) -> None:
    plan = plan_for([make_package(f"p{index}", **values) for index, values in enumerate(fields)])
    assert len(plan.verdicts) == len(fields)
    for verdict in plan.verdicts:
        assert verdict.usable == (verdict.reason is None) == (verdict.implementation is not None)
        assert verdict.usable or verdict.rejected_by


@same_fixture_for_all
@given(fields=st.lists(FIELDS, max_size=6))
def test_an_unusable_package_never_changes_the_choice(plan_for, make_package, fields) -> None:
    packages = [make_package(f"p{index}", **values) for index, values in enumerate(fields)]
    assert ids(plan_for([make_package("0-unusable", "abacus"), *packages])) == ids(plan_for(packages))


def test_a_plan_becomes_json(plan_for, make_package) -> None:
    document = json.loads(json.dumps(plan_for([make_package("a"), make_package("b", "abacus")]).to_dict()))
    assert document["model_id"] == "acme/1"
    assert document["packages"][0] == {
        "package_id": "a",
        "backend": "onnx",
        "quantization": "unknown",
        "batch_size": "?",
        "usable": True,
        "reason": None,
        "implementation": "im-acme 1.0",
    }
    assert document["packages"][1]["usable"] is False


def test_an_unknown_package_id_names_near_ones(plan_for, make_package) -> None:
    with pytest.raises(NoModelPackagesAvailableError, match=r"no package 'onnx-fp23'\. Did you mean 'onnx-fp32'"):
        plan_for([make_package("onnx-fp32")], model_package_id="onnx-fp23").require_candidates()


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


def test_a_model_without_packages_is_an_error(plan_for) -> None:
    with pytest.raises(NoModelPackagesAvailableError, match="has no packages"):
        plan_for([]).require_candidates()
