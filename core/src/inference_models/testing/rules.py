"""What all contracts share: their tests cannot be overridden or removed, and they report findings in few words."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

import pytest

from inference_models.errors import BaseInferenceModelsError
from inference_models.testing.checks.findings import Finding, NotChecked

Subject = TypeVar("Subject")
Value = TypeVar("Value")

_SWITCHES = ("xfail", "skip", "skipif")
_FIXED = ("pytest_generate_tests", "stated", "known", "kept", "run_check")


class ContractRuleError(TypeError):
    """A test class changes a contract instead of fulfilling it. Raised where the class is defined."""


class Contract:
    """The base of all contracts.

    A contract is a class defined with `contract=True`; its own methods named `test_...` are the contract's tests. A
    subclass of it states what is tested, by class attributes and fixtures, and may add tests.
    """

    _tests: ClassVar[dict[str, object]] = {}
    _kept: ClassVar[dict[str, Any]] = {}

    def __init_subclass__(cls, *, contract: bool = False, **options: Any) -> None:
        """Refuse a class that overrides or removes a test of a contract, unless it says why that must fail.

        Raises:
            ContractRuleError: with the name of the test, and what to do instead.
        """
        super().__init_subclass__(**options)
        _refuse_changes(cls)
        own = vars(cls).items() if contract else ()
        cls._tests = {name: test for name, test in own if name.startswith("test_")}

    def pytest_generate_tests(self) -> None:
        """Refuse what was changed after the class was defined: a test removed, a mark put on the class or a test.

        pytest calls this while it collects, so no mark can keep it from running or turn its error into a skip.
        """
        _refuse_changes(type(self))

    def stated(self, name: str, meaning: str) -> Any:
        """Return a class attribute that every subclass must set. Without it the test fails and says what it means."""
        __tracebackhide__ = True
        value = getattr(self, name, None)
        if value is None:
            pytest.fail(f"{type(self).__qualname__} states no `{name}`. Set it in the class: {meaning}.", pytrace=False)
        return value

    def known(self, name: str, look_up: Callable[[], object]) -> None:
        """Look up what the class attribute `name` names. The test fails unless an installed plugin declares it."""
        __tracebackhide__ = True
        missing = None
        try:
            look_up()
        except BaseInferenceModelsError as error:
            missing = error.message
        if missing is not None:
            change = f"Correct `{name}` in {type(self).__qualname__}, or install the plugin (pip install -e .)."
            pytest.fail(f"{missing}\nTo fix it: {change}", pytrace=False)

    def kept(self, name: str, make: Callable[[], Value]) -> Value:
        """Return what `make` returned when a test of this class first asked for `name`.

        In the place of class-scoped fixtures, which pytest takes from instances up to version 9 and from classes only
        later.
        """
        values = type(self).__dict__.get("_kept")
        if values is None:
            values = {}
            type(self)._kept = values
        if name not in values:
            values[name] = make()
        value: Value = values[name]
        return value

    def run_check(self, check: Callable[[Subject], None], subject: Subject) -> None:
        """Run a check and report to pytest what it finds, without a traceback into the kit."""
        __tracebackhide__ = True
        found: Exception | None = None
        try:
            check(subject)
        except (Finding, NotChecked) as error:
            found = error
        if isinstance(found, Finding):  # not in the handler, which would add a second report of the same
            pytest.fail(str(found), pytrace=False)
        if found is not None:
            pytest.skip(str(found))


def _refuse_changes(cls: type[Contract]) -> None:
    """Compare what a class would run with what its contracts run. Raises: ContractRuleError."""
    for name in _FIXED:
        if inspect.getattr_static(cls, name) is not vars(Contract)[name]:
            raise ContractRuleError(
                f"{cls.__qualname__} overrides {name}, by which all tests of a contract run or report. Leave it as it "
                f"is; fixtures and attributes may be overridden freely."
            )
    for mark in (mark for base in cls.__mro__ for mark in _marks(vars(base).get("pytestmark"))):
        if mark.name in _SWITCHES and not _is_text(_reason(mark)):
            raise ContractRuleError(
                f"{cls.__qualname__} is marked {mark.name} without a reason, and so are all tests of its contract. Say "
                f'why: @pytest.mark.{mark.name}(..., reason="...").'
            )
    for base in cls.__mro__[1:]:
        for name, test in base.__dict__.get("_tests", {}).items():
            _refuse_change(cls, name, test)


def _refuse_change(cls: type[Contract], name: str, test: object) -> None:
    found = inspect.getattr_static(cls, name, None)
    if found is test:
        if marked := [mark.name for mark in _marks_on(found) if mark.name in _SWITCHES]:
            raise ContractRuleError(
                f"{cls.__qualname__}.{name}: the contract's own test was marked {marked[0]}, which would hold wherever "
                f"the contract is used. {_way_out(name)}"
            )
        return
    if not callable(found):
        raise ContractRuleError(f"{cls.__qualname__} removes {name}, a test of the contract. {_way_out(name)}")
    reasons = [_reason(mark) for mark in _marks_on(found) if mark.name == "xfail"]
    if not reasons:
        raise ContractRuleError(f"{cls.__qualname__} overrides {name}, a test of the contract. {_way_out(name)}")
    if not all(map(_is_text, reasons)):
        raise ContractRuleError(f"{cls.__qualname__}.{name} is marked xfail without a reason. {_way_out(name)}")


def _marks_on(found: object) -> list[pytest.Mark]:
    return _marks(getattr(found, "pytestmark", None))


def _marks(marks: object) -> list[pytest.Mark]:
    """Return what stands in a `pytestmark`: marks as decorators leave them, or as authors write them."""
    plain = [getattr(mark, "mark", mark) for mark in (marks if isinstance(marks, list | tuple) else [marks])]
    return [mark for mark in plain if isinstance(mark, pytest.Mark)]


def _reason(mark: pytest.Mark) -> object:
    return mark.kwargs.get("reason", mark.args[0] if mark.name == "skip" and mark.args else None)


def _is_text(reason: object) -> bool:
    return isinstance(reason, str) and bool(reason.strip())


def _way_out(name: str) -> str:
    return (
        f"Correct what the test finds. If that cannot be, keep it failing in the open: define {name} in your class, "
        f'mark it @pytest.mark.xfail(reason="...") with the reason, and call super().{name}(...) in it. Fixtures and '
        f"attributes may be overridden freely."
    )
