"""A subclass may state and add, but neither override nor remove what a contract tests."""

from __future__ import annotations

from typing import Any

import pytest

from inference_models.testing import (
    BackendContract,
    Contract,
    ContractRuleError,
    ModelContract,
    PluginContract,
    ProviderContract,
)
from inference_models.testing.checks import contracts
from inference_models.testing.checks.findings import Finding, NotChecked

TABLES: list[tuple[Any, Any]] = [
    (PluginContract, contracts.PLUGIN),
    (ProviderContract, contracts.PROVIDER),
    (BackendContract, contracts.BACKEND),
    (ModelContract, contracts.MODEL),
]


class Round(Contract, contract=True):
    def test_is_round(self) -> None:
        """Part of the contract."""

    def test_rolls(self) -> None:
        """Part of the contract, too."""


class Red(Contract, contract=True):
    def test_is_red(self) -> None:
        """Part of another contract."""


def test_attributes_fixtures_and_further_tests_are_free() -> None:
    class TestBall(Round, Red):
        radius = 3

        @pytest.fixture
        def ball(self) -> str:
            return "red"

        def test_bounces(self) -> None: ...

    assert TestBall.test_is_round is Round.test_is_round


def test_an_override_is_refused() -> None:
    with pytest.raises(ContractRuleError, match=r"TestBall overrides test_rolls, a test of the contract\. .*xfail"):

        class TestBall(Round):
            def test_rolls(self) -> None: ...


@pytest.mark.parametrize("nothing", [None, property(lambda self: None), 3])
def test_a_removal_is_refused(nothing: object) -> None:
    with pytest.raises(ContractRuleError, match="TestBall removes test_rolls"):
        type("TestBall", (Round,), {"test_rolls": nothing})


def test_an_override_that_must_fail_and_says_why_is_allowed() -> None:
    class TestBall(Round):
        @pytest.mark.xfail(reason="it is flat at the moment")
        def test_rolls(self) -> None:
            super().test_rolls()

    class TestSameBall(TestBall):
        pass

    assert TestSameBall.test_rolls is TestBall.test_rolls


@pytest.mark.parametrize("mark", [pytest.mark.xfail, pytest.mark.xfail(reason=" "), pytest.mark.skip(reason="flat")])
def test_another_mark_does_not_do(mark: Any) -> None:
    @mark
    def test_rolls(self: object) -> None: ...

    with pytest.raises(ContractRuleError, match="test_rolls"):
        type("TestBall", (Round,), {"test_rolls": test_rolls})


@pytest.mark.parametrize(
    ("mark", "name"),
    [
        (pytest.mark.skip, "skip"),
        (pytest.mark.skip(""), "skip"),
        (pytest.mark.xfail(reason=" "), "xfail"),
        (pytest.mark.xfail("sys.platform == 'win32'"), "xfail"),
        ([pytest.mark.slow, pytest.mark.skipif("True")], "skipif"),
    ],
)
def test_a_mark_on_the_class_without_a_reason_is_refused(mark: Any, name: str) -> None:
    with pytest.raises(ContractRuleError, match=f"TestBall is marked {name} without a reason, and so are all tests"):
        type("TestBall", (Round,), {"pytestmark": mark})
    with pytest.raises(ContractRuleError, match=f"TestBall is marked {name}"):
        type("TestBall", (Round, type("Elsewhere", (), {"pytestmark": mark})), {})


def test_other_marks_on_the_class_and_reasons_are_allowed() -> None:
    for mark in (pytest.mark.slow, pytest.mark.skip("flat"), pytest.mark.skipif(True, reason="no pump")):
        type("TestBall", (Round,), {"pytestmark": mark})
        mark(type("TestBall", (Round,), {}))
    type("TestBall", (Round,), {"pytestmark": [pytest.mark.xfail(reason="flat"), pytest.mark.timeout(5)]})


@pytest.mark.parametrize("name", ["run_check", "known", "kept", "stated", "pytest_generate_tests"])
def test_what_all_tests_run_by_may_not_be_overridden(name: str) -> None:
    with pytest.raises(ContractRuleError, match=f"TestBall overrides {name}, by which all tests"):
        type("TestBall", (Round,), {name: lambda self, *arguments: None})


class Mixin:
    def test_rolls(self) -> None: ...


class Further(Mixin):
    pass


@pytest.mark.parametrize("bases", [(Mixin, Round), (Further, Red, Round), (Red, Mixin, Round)])
def test_what_comes_first_in_the_order_of_bases_counts(bases: tuple[type, ...]) -> None:
    with pytest.raises(ContractRuleError, match="overrides test_rolls"):
        type("TestBall", bases, {})
    type("TestBall", (Round, Mixin), {})  # here the contract's own test is the one that runs


def test_each_of_several_contracts_is_kept() -> None:
    class RedBall(Round, Red):
        pass

    with pytest.raises(ContractRuleError, match="overrides test_is_red"):
        type("TestBall", (RedBall,), {"test_is_red": lambda self: None})


def test_a_contract_that_extends_another_may_not_change_it_either() -> None:
    with pytest.raises(ContractRuleError, match="overrides test_rolls"):

        class Smooth(Round, contract=True):
            def test_rolls(self) -> None: ...


def test_the_contracts_own_test_may_not_be_marked() -> None:
    class Square(Contract, contract=True):
        def test_has_corners(self) -> None: ...

    marked = pytest.mark.xfail(reason="it is round")(Square.test_has_corners)
    with pytest.raises(ContractRuleError, match="would hold wherever the contract is used"):
        type("TestBall", (Square,), {"test_has_corners": marked})


def test_a_finding_fails_and_what_cannot_be_checked_is_skipped() -> None:
    def finds(subject: str) -> None:
        raise Finding(f"{subject} is flat.", "Pump it up.")

    def cannot(subject: str) -> None:
        raise NotChecked(f"there is no {subject}")

    with pytest.raises(pytest.fail.Exception, match=r"ball is flat\.\nTo fix it: Pump it up\.") as failed:
        Round().run_check(finds, "ball")
    assert not failed.value.pytrace, "a traceback into the kit helps nobody"
    with pytest.raises(pytest.skip.Exception, match="there is no ball"):
        Round().run_check(cannot, "ball")


def test_what_must_be_stated() -> None:
    with pytest.raises(pytest.fail.Exception, match=r"Round states no `radius`\. Set it in the class: in metres\."):
        Round().stated("radius", "in metres")


@pytest.mark.parametrize(("contract", "table"), TABLES, ids=lambda value: getattr(value, "__name__", ""))
def test_contracts_and_reports_check_the_same(contract: Any, table: Any) -> None:
    tests = {name: test for name, test in vars(contract).items() if name.startswith("test_")}
    assert [f"test_{name}" for name in table] == list(tests)
    for name, check in table.items():
        called = check.__name__.removeprefix("_").removesuffix("s" if name == "what_is_no_image_is_an_error" else "")
        assert called in _names(tests[f"test_{name}"].__code__), f"test_{name} calls {called}"


def _names(code: Any) -> set[str]:
    inner = [constant for constant in code.co_consts if hasattr(constant, "co_names")]
    return set(code.co_names).union(*map(_names, inner))
