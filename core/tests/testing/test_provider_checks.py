"""A good provider passes every check; one that is broken in one way fails the check that is about it, and no other."""

from __future__ import annotations

import runpy
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from inference_models.testing.checks import contracts
from inference_models.testing.checks.provider_subject import ProviderSubject

acme = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("acme.py"))))
Change = tuple[str, str]

KNOWN = "    if model_id not in list_models():\n"
FOUND = "    packages = [ModelPackageMetadata("
REPEATED = ("packages, task_type", "packages * 2, task_type")
COUNTED = ('"acmenet", packages', 'f"acmenet-{os.urandom(4).hex()}", packages')
REFRESH = "refresh=lambda: make_file(model_id)"
OTHER_SIZE = (REFRESH, "refresh=lambda: __import__('attrs').evolve(make_file(model_id), size=1)")
NO_PACKAGES = ("    return ModelMetadata(", "    return ModelMetadata(model_id, 'acmenet', ())\n    ModelMetadata(")
OFFLINE = "        raise OfflineModeError("
CONNECTS = (OFFLINE, f"        socket.create_connection(('127.0.0.1', 9))\n{OFFLINE}")

# the check, what is changed in provider.py (or, where it says so, in plugin.py), words of the finding
BROKEN: list[tuple[str, Change, str]] = [
    ("metadata_is_valid", REPEATED, "two packages 'small'"),
    ("metadata_is_valid", NO_PACKAGES, "no packages"),
    ("answers_are_repeatable", COUNTED, "another architecture"),
    ("answers_are_repeatable", ('"small"', "os.urandom(4).hex()"), "another packages"),
    ("files_are_safe", ('        "network.json",\n', '        "../network.json",\n'), "leads to another directory"),
    ("files_are_safe", ('        sha256_hash="ab" * 32,\n', ""), "no hash"),
    ("files_are_safe", ("https://files", "http://files"), "plain http"),
    ("files_are_safe", ('sha256_hash="ab" * 32', 'sha256_hash="ab"'), "64"),
    ("refresh_gives_the_same_file", OTHER_SIZE, "another size"),
    ("refresh_gives_the_same_file", (REFRESH, "refresh=lambda: None"), "NoneType"),
    ("unknown_ids_are_not_found", ("ModelNotFoundError(f", "RetryError(f"), "RetryError"),
    ("unknown_ids_are_not_found", ('f"There is no model {model_id!r}."', '"There is no such model."'), "does not name"),
    ("strange_ids_are_refused", (KNOWN, f"    assert len(model_id) < 99\n{KNOWN}"), "AssertionError"),
    ("lists_its_models", ('["bolts", "nuts"]', '["bolts", "nuts", "nuts"]'), "twice"),
    ("lists_its_models", ('["bolts", "nuts"]', '["bolts", "acme://nuts"]'), "which is no id"),
    ("is_honest_about_the_network", CONNECTS, "connects to"),
    ("is_honest_about_the_network", ("raise OfflineModeError", "raise RuntimeError"), "RuntimeError"),
    ("reports_an_unreachable_server", ("raise RetryError", "raise ConnectionError"), "ConnectionError"),
    ("reports_an_unreachable_server", ("raise RetryError", "raise ModelNotFoundError"), "ModelNotFoundError"),
    ("reads_its_key_from_its_variable", ('os.environ.get("ACME_KEY")', "None"), "Read ACME_KEY"),
    ("reads_its_key_from_its_variable", ('os.environ.get("ACME_KEY")', "KEY"), "a wrong key in ACME_KEY"),
    ("shows_no_secret", ('"asked for %s", model_id', '"asked with %s", key'), "a log message shows its key"),
    ("shows_no_secret", ("    logger.debug", "    print(key)\n    logger.debug"), "what it prints shows its key"),
    ("shows_no_secret", ('"The key is not accepted', 'f"The key {key} is not accepted'), "the error shows its key"),
]

SHOWN = ("[make_file(model_id)],", '[one := make_file(model_id)], model_features={"from": one.download_url},')


@pytest.fixture(autouse=True)
def _server(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("ACME_KEY", raising=False)
    monkeypatch.delenv("INFERENCE_MODELS_OFFLINE", raising=False)
    with acme.listening() as port:
        monkeypatch.setenv("ACME_PORT", str(port))
        yield


def subject(**changes: object) -> ProviderSubject:
    return ProviderSubject(**{"name": "acme", "model_id": "bolts", "api_key": acme.KEY, **changes})


def test_a_good_provider_passes(tmp_path: Path) -> None:
    with acme.installed(tmp_path / "site"):
        outcomes = acme.outcomes(contracts.PROVIDER, subject())
    assert {name: (one.state, one.reason) for name, one in outcomes.items()} == dict.fromkeys(
        contracts.PROVIDER, ("passed", None)
    )


@pytest.mark.parametrize(("check", "change", "words"), BROKEN)
def test_a_broken_provider_fails_one_check(tmp_path: Path, check: str, change: Change, words: str) -> None:
    with acme.installed(tmp_path / "site", {"provider.py": change}):
        failures = acme.failures(contracts.PROVIDER, subject())
    assert list(failures) == [check], failures
    assert words in failures[check]


def test_a_file_whose_signature_shows(tmp_path: Path) -> None:
    with acme.installed(tmp_path / "site", {"provider.py": SHOWN}):
        failures = acme.failures(contracts.PROVIDER, subject())
    assert list(failures) == ["shows_no_secret"]
    assert "the metadata's repr shows the query of the address of 'network.json'" in failures["shows_no_secret"]


def test_a_provider_that_says_that_it_works_offline_and_does_not(tmp_path: Path) -> None:
    spec = ('        name="acme",', '        name="acme", works_offline=True,')
    with acme.installed(tmp_path / "site", {"plugin.py": spec}):
        failures = acme.failures(contracts.PROVIDER, subject())
    assert list(failures) == ["is_honest_about_the_network", "reports_an_unreachable_server"]
    assert "leave works_offline=True out of the spec" in failures["is_honest_about_the_network"]


def test_without_an_id_only_what_needs_none_is_checked(tmp_path: Path) -> None:
    with acme.installed(tmp_path / "site"):
        outcomes = acme.outcomes(contracts.PROVIDER, subject(model_id=None))
    passed = {name for name, one in outcomes.items() if one.state == "passed"}
    assert passed == {"unknown_ids_are_not_found", "strange_ids_are_refused", "shows_no_secret"}
    assert {one.state for one in outcomes.values()} == {"passed", "skipped"}


def test_an_id_that_the_provider_does_not_have(tmp_path: Path) -> None:
    with acme.installed(tmp_path / "site"):
        failures = acme.failures(contracts.PROVIDER, subject(model_id="screws"))
    assert "state a `model_id` that it has" in failures["metadata_is_valid"]
    assert not {"lists_its_models", "is_honest_about_the_network", "reads_its_key_from_its_variable"} & set(failures)


def test_every_check_is_broken_above() -> None:
    assert {check for check, _, _ in BROKEN} == set(contracts.PROVIDER)
