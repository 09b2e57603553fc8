"""A policy file is understood as a whole, or it is an error that says what is wrong and where."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from inference_models import InvalidEnvVariable, InvalidPolicyError
from inference_models.policy import RULES, current_policy, read_policy

WHOLE = """
[plugins]
allow = ["im-core", "Acme_Vision"]
[providers]
allow = ["Acme"]
[origins]
allow = ["https://*.example.com", "http://10.0.0.5:8080"]
[licenses]
weights = ["apache-2.0"]
code = ["MIT"]
[packages]
untrusted = false
programs = false
data_suffixes = [".XML"]
local_code = false
local_paths = true
hashes = "sha256"
"""


def test_without_a_variable_there_is_none() -> None:
    policy = current_policy()
    assert (policy.path, policy.fingerprint, policy.rules.stated()) == (None, "", {})
    assert policy.refuse_plugin("anything", lambda: None) is None
    assert policy.refuse_url("http://anywhere/") is None


def test_every_key_is_read(policy) -> None:
    path = policy(WHOLE)
    found = current_policy()
    assert found.path == path
    assert found.rules.stated() == {
        "plugins.allow": ["acme-vision", "im-core"],
        "providers.allow": ["acme"],
        "origins.allow": ["https://*.example.com", "http://10.0.0.5:8080"],
        "licenses.weights": ["Apache-2.0"],
        "licenses.code": ["MIT"],
        "packages.untrusted": False,
        "packages.programs": False,
        "packages.data_suffixes": [".xml"],
        "packages.local_code": False,
        "packages.local_paths": True,
        "packages.hashes": "sha256",
    }
    assert list(found.rules.stated()) == [rule.key for rule in RULES]


def test_a_key_that_is_not_there_forbids_nothing(policy) -> None:
    policy("[packages]\nuntrusted = true")
    assert current_policy().refuse_untrusted() is None
    assert current_policy().refuse_provider("anything") is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "states no rule"),
        ("# only a comment", "states no rule"),
        ("[plugins]", "states no rule"),
        ("[plugins", "is not TOML"),
        ("[plugins]\nallow = ['a']\nallow = ['b']", "is not TOML"),
        ("allow = ['a']", "'allow', which means nothing"),
        ("plugins = ['a']", "'plugins' must be a table"),
        ("[plugin]\nallow = ['a']", "Did you mean 'plugins'"),
        ("[plugins]\nallowed = ['a']", "Did you mean 'plugins.allow'"),
        ("[Plugins]\nallow = ['a']", "Did you mean 'plugins'"),
        ("[plugins]\nallow = 'a'", "plugins.allow takes a list of names, not 'a'"),
        ("[plugins]\nallow = [1]", "takes a list of names"),
        ("[plugins]\nallow = ['']", "takes a list of names"),
        ("[plugins]\nallow = ['im-core>=0.1']", "plugins.allow takes a list of plain names, without versions"),
        ("[providers]\nallow = ['acme://']", "providers.allow takes a list of plain names"),
        ("[origins]\nallow = ['api.example.com']", "origins.allow takes origins such as"),
        ("[licenses]\nweights = ['Apache 2']", "licenses.weights takes single licences"),
        ("[licenses]\ncode = ['MIT OR Apache-2.0']", "licenses.code takes single licences"),
        ("[packages]\nprograms = 'false'", "packages.programs takes true or false, not 'false'"),
        ("[packages]\nprograms = 0", "packages.programs takes true or false, not 0"),
        ("[packages]\nhashes = 'md5'", "packages.hashes takes 'any' or 'sha256'"),
        ("[packages]\nhashes = ['sha256']", "packages.hashes takes 'any' or 'sha256', not ['sha256']"),
        ("[packages]\nhashes = {of = 'sha256'}", "packages.hashes takes 'any' or 'sha256', not {"),
        ("[packages]\nhashes = true", "packages.hashes takes 'any' or 'sha256'"),
        ("[packages]\ndata_suffixes = ['xml']", "endings of file names"),
        ("[packages]\ndata_suffixes = ['.*']", "endings of file names"),
        ("[packages]\nuntrusted = false\n[packages.more]\nx = 1", "'packages.more', which means nothing"),
        ("[plugins]\nallow = " + "[" * 5000, "is not TOML"),
    ],
)
def test_a_file_that_is_not_understood_is_an_error_with_the_place(policy, text: str, problem: str) -> None:
    path = policy(text)
    with pytest.raises(InvalidPolicyError) as caught:
        current_policy()
    assert problem in caught.value.message
    assert str(path) in caught.value.message


@pytest.mark.parametrize("name", ["missing.toml", ".", "file/below"])
def test_a_file_that_is_not_there_is_an_error(tmp_path: Path, monkeypatch, name: str) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("INFERENCE_MODELS_POLICY", str(tmp_path / name))
    with pytest.raises(InvalidPolicyError, match="cannot be used"):
        current_policy()


def test_a_pipe_or_a_huge_file_does_not_hold_it_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "huge").write_bytes(b"# \n" * 1_000_000)
    for name in ("pipe", "huge"):
        with pytest.raises(InvalidPolicyError):
            read_policy(tmp_path / name)


def test_text_that_is_no_text_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "policy.toml").write_bytes(b"[packages]\nuntrusted = false # \xff")
    with pytest.raises(InvalidPolicyError, match="is not TOML"):
        read_policy(tmp_path / "policy.toml")


def test_a_file_that_may_not_be_read_is_an_error(policy) -> None:
    if os.geteuid() == 0:
        pytest.skip("nothing is forbidden to the administrator")
    policy(WHOLE).chmod(0)
    with pytest.raises(InvalidPolicyError, match="cannot be read"):
        current_policy()


@pytest.mark.parametrize("value", ["", "  "])
def test_a_variable_that_is_set_and_empty_is_an_error(monkeypatch, value: str) -> None:
    monkeypatch.setenv("INFERENCE_MODELS_POLICY", value)
    with pytest.raises(InvalidEnvVariable, match="INFERENCE_MODELS_POLICY"):
        current_policy()


def test_a_change_of_the_file_holds_at_once(policy) -> None:
    policy("[providers]\nallow = ['a']")
    before = current_policy()
    policy("[providers]\nallow = ['b']")
    after = current_policy()
    assert (before.refuse_provider("a"), after.refuse_provider("b")) == (None, None)
    assert after.refuse_provider("a") is not None
    assert before.fingerprint != after.fingerprint
