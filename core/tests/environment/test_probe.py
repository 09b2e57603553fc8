from __future__ import annotations

import pytest

from inference_models.environment import BackendStatus
from inference_models.environment.probe import probe
from inference_models.errors import BackendUnavailable, UnknownBackendTypeError
from inference_models.specs import LazyClass


def test_an_available_backend_shows_its_facts_and_who_declares_it(make_catalog) -> None:
    catalog = make_catalog(("im-acme", "acme", lambda: {"version": "3.1"}))

    assert probe(catalog, "ACME") == BackendStatus(
        name="acme", priority=10, distribution="im-acme", available=True, facts={"version": "3.1"}
    )


def test_a_verdict_is_passed_on_word_for_word(make_catalog) -> None:
    def detect() -> None:
        raise BackendUnavailable("libacme.so is missing", "apt install libacme")

    status = probe(make_catalog(("im-acme", "acme", detect)), "acme")

    assert not status.available
    assert not status.failed
    assert status.reason == "libacme.so is missing"
    assert status.fix == "apt install libacme"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ValueError("no such bus"), "ValueError: no such bus"),
        (SystemExit(3), "SystemExit: 3"),
        (OSError(), "OSError: "),
    ],
)
def test_a_detection_that_fails_is_a_verdict_that_names_its_distribution(make_catalog, error, told) -> None:
    def detect() -> None:
        raise error

    status = probe(make_catalog(("im-acme", "acme", detect)), "acme")

    assert not status.available
    assert status.failed
    assert status.reason == f"its detection failed: {told} (plugin im-acme 1.2)"
    assert status.fix is not None
    assert "im-acme" in status.fix


def test_a_detection_that_cannot_be_imported_is_a_verdict(make_catalog) -> None:
    status = probe(make_catalog(("im-acme", "acme", LazyClass("no_such_module_of_acme", "detect"))), "acme")

    assert status.reason is not None
    assert "no_such_module_of_acme" in status.reason


@pytest.mark.parametrize("answer", [None, "3.1", ["version"]])
def test_an_answer_that_is_no_mapping_is_a_failed_detection(make_catalog, answer) -> None:
    status = probe(make_catalog(("im-acme", "acme", lambda: answer)), "acme")

    assert status.reason == (
        f"its detection failed: it returned {type(answer).__name__}, not a mapping of facts (plugin im-acme 1.2)"
    )


def test_the_user_may_still_interrupt(make_catalog) -> None:
    def detect() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        probe(make_catalog(("im-acme", "acme", detect)), "acme")


def test_of_two_that_declare_one_name_neither_is_asked(make_catalog) -> None:
    def detect() -> None:
        raise AssertionError("must not be asked")

    status = probe(make_catalog(("im-acme", "acme", detect), ("im-other", "Acme", detect)), "acme")

    assert not status.available
    assert status.distribution == "im-acme, im-other"
    assert status.priority == 11
    assert status.reason is not None
    assert "im-acme 1.2" in status.reason
    assert "INFERENCE_MODELS_PREFER" in status.reason


def test_a_settled_conflict_asks_the_preferred_one(make_catalog, monkeypatch) -> None:
    monkeypatch.setenv("INFERENCE_MODELS_PREFER", "backend:acme=im-other")
    catalog = make_catalog(("im-acme", "acme", lambda: {"who": 1}), ("im-other", "acme", lambda: {"who": 2}))

    status = probe(catalog, "acme")

    assert (status.distribution, dict(status.facts)) == ("im-other", {"who": 2})


def test_a_backend_that_nobody_declares_is_an_error(make_catalog) -> None:
    with pytest.raises(UnknownBackendTypeError, match="acme"):
        probe(make_catalog(("im-acme", "acme", dict)), "acmee")


def test_a_status_turns_into_a_dictionary() -> None:
    status = BackendStatus(name="acme", available=False, reason="none", facts={"a": (1, 2)})

    assert status.to_dict() == {
        "name": "acme",
        "priority": 0,
        "distribution": "",
        "available": False,
        "facts": {"a": (1, 2)},
        "reason": "none",
        "fix": None,
        "failed": False,
    }
