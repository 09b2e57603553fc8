"""The contract of backends."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

import pytest

from inference_models.sessions import Session
from inference_models.testing.checks import backend as checks
from inference_models.testing.checks import devices, sessions
from inference_models.testing.checks.backend_subject import BackendSubject, Feeds
from inference_models.testing.rules import Contract


class BackendContract(Contract, contract=True):
    """What a backend keeps to. What cannot be checked on a machine that lacks it is skipped with the reason.

    Attributes:
        backend: its name.
        tolerance: how far outputs may be from what is expected, absolutely and as a share.
        device: where sessions are opened; None: where the backend chooses.
        options: given to `open_session` and `toolkit`: values of the backend's `session_options`.
    """

    backend: ClassVar[str]
    tolerance: ClassVar[float] = 1e-4
    device: ClassVar[str | None] = None
    options: ClassVar[Mapping[str, Any]] = MappingProxyType({})

    @pytest.fixture
    def package(self) -> Path | None:
        """Return a package directory with a tiny network. Without one, nothing is opened: override it."""
        return None

    def feeds(self, session: Session, seed: int) -> Feeds | None:
        """Return inputs for the tiny network, others for another seed; None: as the session describes them."""
        return None

    def expected(self, feeds: Feeds) -> Feeds | None:
        """Return what the tiny network answers to `feeds`, as numpy arrays by name; None: it is not known."""
        return None

    @pytest.fixture
    def subject(self, package: Path | None) -> Iterator[BackendSubject]:
        """Return the backend as the checks take it. Its sessions are closed afterwards."""
        subject = BackendSubject(
            name=self.stated("backend", "the name of the backend"),
            package=package,
            make_feeds=self.feeds,
            expected=self.expected,
            tolerance=self.tolerance,
            device=self.device,
            options=self.options,
        )
        yield subject
        subject.close()

    def test_detect_answers(self, subject: BackendSubject) -> None:
        self.run_check(checks.detect_answers, subject)

    def test_detect_is_cheap(self, subject: BackendSubject) -> None:
        self.run_check(checks.detect_is_cheap, subject)

    def test_check_is_pure(self, subject: BackendSubject) -> None:
        self.run_check(checks.check_is_pure, subject)

    def test_describes_its_network(self, subject: BackendSubject) -> None:
        self.run_check(sessions.describes_its_network, subject)

    def test_round_trip(self, subject: BackendSubject) -> None:
        self.run_check(sessions.round_trip, subject)

    def test_arrays_belong_to_the_caller(self, subject: BackendSubject) -> None:
        self.run_check(sessions.arrays_belong_to_the_caller, subject)

    def test_wrong_feeds_are_refused(self, subject: BackendSubject) -> None:
        self.run_check(sessions.wrong_feeds_are_refused, subject)

    def test_concurrent_runs(self, subject: BackendSubject) -> None:
        self.run_check(sessions.concurrent_runs, subject)

    def test_device_is_a_real_one(self, subject: BackendSubject) -> None:
        self.run_check(devices.device_is_a_real_one, subject)

    def test_toolkit_is_made_for_the_device(self, subject: BackendSubject) -> None:
        self.run_check(devices.toolkit_is_made_for_the_device, subject)

    def test_close_twice(self, subject: BackendSubject) -> None:
        self.run_check(sessions.close_twice, subject)

    def test_use_after_close(self, subject: BackendSubject) -> None:
        self.run_check(sessions.use_after_close, subject)

    def test_broken_package(self, subject: BackendSubject) -> None:
        self.run_check(sessions.broken_package, subject)
