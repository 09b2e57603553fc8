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
        self.known("backend", lambda: subject.declared)
        yield subject
        subject.close()

    def test_detect_answers(self, subject: BackendSubject) -> None:
        """`detect` gives facts, or says why not."""
        self.run_check(checks.check_detection, subject)

    def test_detect_is_cheap(self, subject: BackendSubject) -> None:
        """`detect` imports no runtime and costs little."""
        self.run_check(checks.check_detection_cost, subject)

    def test_check_is_pure(self, subject: BackendSubject) -> None:
        """`check` gives the same answer twice and changes nothing."""
        self.run_check(checks.check_purity, subject)

    def test_describes_its_network(self, subject: BackendSubject) -> None:
        """A session describes its inputs and outputs."""
        self.run_check(sessions.check_description, subject)

    def test_round_trip(self, subject: BackendSubject) -> None:
        """The network gives what is described and expected."""
        self.run_check(sessions.check_round_trip, subject)

    def test_arrays_belong_to_the_caller(self, subject: BackendSubject) -> None:
        """Feeds stay as they are, and outputs are nobody else's."""
        self.run_check(sessions.check_ownership, subject)

    def test_wrong_feeds_are_refused(self, subject: BackendSubject) -> None:
        """Feeds that do not fit are a ModelRuntimeError."""
        self.run_check(sessions.check_wrong_feeds, subject)

    def test_threads_get_what_one_gets(self, subject: BackendSubject) -> None:
        """Several threads at once get what one gets."""
        self.run_check(sessions.check_threads, subject)

    def test_device_is_a_real_one(self, subject: BackendSubject) -> None:
        """A session says where it runs, and what cannot be had is refused."""
        self.run_check(devices.check_device, subject)

    def test_toolkit_is_made_for_the_device(self, subject: BackendSubject) -> None:
        """The toolkit is there, and refuses a device that is not."""
        self.run_check(devices.check_toolkit, subject)

    def test_closes_twice(self, subject: BackendSubject) -> None:
        """A session can be closed, and closed again."""
        self.run_check(sessions.check_close, subject)

    def test_is_of_no_use_after_close(self, subject: BackendSubject) -> None:
        """Running a closed session is a SessionClosedError."""
        self.run_check(sessions.check_use_after_close, subject)

    def test_broken_packages_are_refused(self, subject: BackendSubject) -> None:
        """A package that is cut short is an error of ours."""
        self.run_check(sessions.check_broken_package, subject)
