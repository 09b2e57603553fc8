"""Running the checks of a contract one by one, without pytest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, TypeAlias, TypeVar

from attrs import frozen

from inference_models.testing.checks.findings import Finding, NotChecked

Subject = TypeVar("Subject")
State: TypeAlias = Literal["passed", "failed", "skipped"]


@frozen(kw_only=True)
class Outcome:
    """What came of a check.

    Attributes:
        contract: whose check it is, and of what: "backend onnx".
        check: its name.
        state: "passed", "failed" or "skipped".
        reason: what is wrong, or why it was not made; None when it passed.
        change: what to change; None unless it failed.
    """

    contract: str
    check: str
    state: State
    reason: str | None = None
    change: str | None = None


def run_checks(
    contract: str, checks: Mapping[str, Callable[[Subject], None]], subject: Subject, *, unless: str | None = None
) -> list[Outcome]:
    """Run all checks of a contract, each whatever came of the others.

    Args:
        contract: see `Outcome`.
        checks: by name.
        subject: what they take.
        unless: why none of them is made.
    """
    if unless is not None:
        return [Outcome(contract=contract, check=name, state="skipped", reason=unless) for name in checks]
    return [_run(contract, name, check, subject) for name, check in checks.items()]


def _run(contract: str, name: str, check: Callable[[Subject], None], subject: Subject) -> Outcome:
    state: State = "passed"
    reason = change = None
    try:
        check(subject)
    except NotChecked as error:
        state, reason = "skipped", str(error)
    except Finding as finding:
        state, reason, change = "failed", finding.wrong, finding.change
    except (Exception, SystemExit) as error:  # some libraries exit where they should raise
        state, reason = "failed", f"it ended the check with {type(error).__name__}: {error}"
        change = "Raise one of the library's errors where this comes from."
    return Outcome(contract=contract, check=name, state=state, reason=reason, change=change)
