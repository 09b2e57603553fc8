"""Arguments for backends: wrong values are errors, and some of them ask for their backend."""

from __future__ import annotations

import logging

import pytest

from inference_models.errors import InvalidEnvVariable, InvalidParameterError, NoModelPackagesAvailableError
from inference_models.specs import LazyClass


def refuse_odd(options, environment) -> None:
    assert environment.backend("onnx").available
    if options.get("onnx_lanes") not in (None, 2, 4):
        raise InvalidParameterError(f"onnx_lanes= takes 2 or 4, not {options['onnx_lanes']!r}.")


ONNX = {
    "session_options": {"onnx_lanes", "onnx_units"},
    "selecting_options": {"onnx_units"},
    "check_options": refuse_odd,
}


@pytest.fixture
def two(make_package):
    """A package for TensorRT, which comes first, and one for ONNX."""
    return [make_package("a", "trt"), make_package("b", "onnx")]


def usable(plan) -> list[str]:
    return [verdict.package.package_id for verdict in plan.candidates]


@pytest.mark.parametrize("request_", [{}, {"backend": "trt"}, {"model_package_id": "a"}])
def test_a_value_that_makes_no_sense_is_an_error_whichever_backend_is_chosen(plan_for, two, request_) -> None:
    with pytest.raises(InvalidParameterError, match="onnx_lanes= takes 2 or 4, not 3"):
        plan_for(two, declared={"onnx": ONNX}, options={"onnx_lanes": 3}, **request_)


def test_it_is_an_error_also_where_no_package_is_for_that_backend(plan_for, two) -> None:
    with pytest.raises(InvalidParameterError, match="onnx_lanes="):
        plan_for(two[:1], declared={"onnx": ONNX}, options={"onnx_lanes": "2"})


def test_an_option_that_only_says_how_leaves_the_choice_as_it_is(plan_for, two) -> None:
    assert usable(plan_for(two, declared={"onnx": ONNX}, options={"onnx_lanes": 2})) == ["a", "b"]


def test_an_option_that_asks_for_its_backend_gets_it(plan_for, two) -> None:
    plan = plan_for(two, declared={"onnx": ONNX}, options={"onnx_units": ["big"]})

    assert usable(plan) == ["b"]
    assert plan.verdicts[1].reason == "backend 'trt' was not asked for (onnx_units= asks for onnx)"
    assert plan.verdicts[1].rejected_by == "is_requested_backend"


def test_where_it_cannot_be_had_nothing_else_runs(plan_for, two) -> None:
    plan = plan_for(
        two, declared={"onnx": ONNX}, options={"onnx_units": ["big"]}, unavailable={"onnx": "no runtime here"}
    )

    with pytest.raises(NoModelPackagesAvailableError, match="no runtime here") as caught:
        plan.require_candidates()
    assert "onnx_units= asks for onnx" in str(caught.value)


def test_backends_asked_for_by_name_come_before_it(plan_for, two) -> None:
    options = {"onnx_units": ["big"]}
    assert usable(plan_for(two, declared={"onnx": ONNX}, options=options, backend="trt")) == ["a"]
    assert usable(plan_for(two, declared={"onnx": ONNX}, options=options, backend=["trt", "onnx"])) == ["a", "b"]


def test_none_is_as_if_nothing_were_given(plan_for, two) -> None:
    options = {"onnx_units": None, "onnx_lanes": None}
    assert usable(plan_for(two, declared={"onnx": ONNX}, options=options)) == ["a", "b"]


def test_several_backends_may_take_an_option_that_asks_for_them(plan_for, two, make_package) -> None:
    units = {"session_options": "onnx_units", "selecting_options": "onnx_units"}
    plan = plan_for(
        [*two, make_package("c", "torch")], declared={"onnx": ONNX, "trt": units}, options={"onnx_units": 1}
    )
    assert usable(plan) == ["a", "b"]
    assert plan.verdicts[2].reason == "backend 'torch' was not asked for (onnx_units= asks for onnx, trt)"


@pytest.mark.parametrize("broken", [LazyClass("nowhere", "nothing"), lambda options, environment: 1 / 0])
def test_a_check_of_options_that_fails_itself_keeps_nothing_from_running(plan_for, two, caplog, broken) -> None:
    with caplog.at_level(logging.WARNING):
        plan = plan_for(two, declared={"onnx": {**ONNX, "check_options": broken}}, options={"onnx_lanes": 3})

    assert usable(plan) == ["a", "b"]
    assert "im-acme 1.0 cannot check the options of its backend: " in caplog.text


def test_it_is_not_asked_when_nothing_was_given_for_it(plan_for, two) -> None:
    def ask(options, environment) -> None:
        raise AssertionError(options)

    assert plan_for(two, declared={"onnx": {**ONNX, "check_options": ask}}, options={"onnx_lanes": None}).candidates


def test_a_setting_that_a_check_cannot_read_is_an_error_and_no_reason(plan_for, two) -> None:
    def check(package, environment, request) -> str | None:
        raise InvalidEnvVariable("Environment variable ACME cannot be used.")

    with pytest.raises(InvalidEnvVariable, match="ACME"):
        plan_for(two, check=check)
