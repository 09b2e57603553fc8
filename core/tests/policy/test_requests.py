"""No byte is asked of an origin that the policy does not allow: at once, after a redirect, or with a fresh address."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from attrs import evolve

from inference_models.developer_tools import download_files_to_directory
from inference_models.download import http
from inference_models.download.api import ask_api
from inference_models.download.files import DownloadSpec, fetch, fetch_all
from inference_models.errors import InvalidPolicyError, PolicyViolationError

if TYPE_CHECKING:
    from core.tests.download.fault_server import FaultServer

BODY = b"weights " * 1000
PROVEN = {"sha256": hashlib.sha256(BODY).hexdigest()}
SECRET = "canary-77ab"


def origin(server: FaultServer) -> str:
    parts = urlsplit(server.url("/"))
    return f"{parts.scheme}://{parts.netloc}"


def only(server: FaultServer) -> str:
    return f"[origins]\nallow = ['{origin(server)}']"


def ask(url: str) -> bytes:
    return ask_api(url, {"Authorization": SECRET}, purpose="the metadata").body


def download(url: str, directory: Path) -> bytes:
    fetch(DownloadSpec(url=url, name="w", **PROVEN), directory / "w")
    return (directory / "w").read_bytes()


def test_an_origin_that_is_allowed_is_asked(policy, server, tmp_path: Path) -> None:
    policy(only(server))
    url = server.serve("/w", BODY)
    assert download(url, tmp_path) == BODY
    assert ask(url) == BODY


def test_another_is_not_even_connected_to(policy, server, other_server, tmp_path: Path) -> None:
    path = policy(only(server))
    url = f"{other_server.serve('/w', BODY)}?signature={SECRET}"
    for get in (ask, lambda url: download(url, tmp_path)):
        with pytest.raises(PolicyViolationError) as caught:
            get(url)
        assert f"/w is not asked: the policy {path} forbids it: origins.allow does not cover" in caught.value.message
        assert SECRET not in caught.value.message
    assert other_server.requests == []
    assert list(tmp_path.glob("w*")) == []


def test_an_empty_list_allows_none(policy, server) -> None:
    policy("[origins]\nallow = []")
    with pytest.raises(PolicyViolationError, match="it allows nothing"):
        ask(server.serve("/w", BODY))
    assert server.requests == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_another_is_not_followed(policy, server, other_server, tmp_path: Path, status: int) -> None:
    policy(only(server))
    target = other_server.serve("/w", BODY)
    url = server.serve("/r", b"", status=status, headers={"Location": f"{target}?signature={SECRET}"})
    for get in (ask, lambda url: download(url, tmp_path)):
        with pytest.raises(PolicyViolationError, match="/r redirects") as caught:
            get(url)
        assert SECRET not in str(caught.value)
    assert other_server.requests == []


def test_nor_the_second_of_two(policy, server, other_server) -> None:
    policy(only(server))
    target = other_server.serve("/w", BODY)
    second = server.serve("/second", b"", status=302, headers={"Location": target})
    with pytest.raises(PolicyViolationError):
        ask(server.serve("/first", b"", status=302, headers={"Location": second}))
    assert (server.count("/second"), other_server.requests) == (1, [])


@pytest.mark.parametrize(
    "location", ["//{host}:{port}/w", "HTTP://{host}:{port}/w", "http://x@{host}:{port}/w", "http://{host}.:{port}/w"]
)
def test_spellings_of_a_redirect(policy, server, other_server, location: str) -> None:
    policy(only(server))
    parts = urlsplit(other_server.serve("/w", BODY))
    location = location.format(host=parts.hostname, port=parts.port)
    with pytest.raises(Exception, match=r"redirects to an address that is not used|forbids it"):
        ask(server.serve("/r", b"", status=302, headers={"Location": location}))
    assert other_server.requests == []


def test_a_redirect_within_what_is_allowed_is_followed(policy, server, other_server) -> None:
    policy(f"[origins]\nallow = ['{origin(server)}', '{origin(other_server)}']")
    target = other_server.serve("/w", BODY)
    assert ask(server.serve("/r", b"", status=302, headers={"Location": target})) == BODY


def test_a_fresh_address_is_held_to_it_too(policy, server, other_server, tmp_path: Path) -> None:
    policy(only(server))
    fresh = other_server.serve("/w", BODY)
    expired = server.serve("/w", b"", status=403)
    spec = DownloadSpec(url=expired, name="w", **PROVEN)
    spec = evolve(spec, refresh=lambda: evolve(spec, url=fresh, refresh=None))
    with pytest.raises(PolicyViolationError, match="forbids it"):
        fetch_all([spec], tmp_path)
    assert other_server.requests == []


def test_a_name_that_means_the_same_machine_is_another_origin(policy, server) -> None:
    policy(only(server))
    server.serve("/w", BODY)
    with pytest.raises(PolicyViolationError):
        ask(server.url("/w", host="localhost"))
    assert server.requests == []


def test_upper_case_and_the_dot_of_the_root_make_no_difference(policy, server) -> None:
    parts = urlsplit(server.serve("/w", BODY))
    policy(f"[origins]\nallow = ['http://LOCALHOST.:{parts.port}']")
    assert ask(f"http://LocalHost:{parts.port}/w") == BODY


def test_other_variables_do_not_widen_it(policy, server, other_server, monkeypatch: pytest.MonkeyPatch) -> None:
    policy(only(server))
    monkeypatch.setenv("INFERENCE_MODELS_ALLOWED_HTTP_ORIGINS", origin(other_server))
    with pytest.raises(PolicyViolationError):
        ask(other_server.serve("/w", BODY))
    assert other_server.requests == []


@pytest.mark.parametrize(("rule", "hashes"), [("any", {}), ("sha256", {"md5": hashlib.md5(BODY).hexdigest()})])
def test_files_without_the_proof_that_is_wanted(policy, server, tmp_path: Path, rule: str, hashes) -> None:
    policy(f"[packages]\nhashes = '{rule}'")
    url = server.serve("/w", BODY)
    with pytest.raises(PolicyViolationError, match=f"'w' is not fetched.*packages.hashes is '{rule}'"):
        fetch(DownloadSpec(url=url, name="w", **hashes), tmp_path / "w")
    assert server.requests == []


def test_verifying_cannot_be_switched_off(policy, server, tmp_path: Path) -> None:
    policy("[packages]\nhashes = 'any'")
    url = server.serve("/w", BODY)
    md5 = hashlib.md5(BODY).hexdigest()
    with pytest.raises(PolicyViolationError):
        download_files_to_directory([("w", url, md5)], tmp_path, verify_hash=False, verbose=False)
    assert server.requests == []
    assert download_files_to_directory([("w", url, md5)], tmp_path, verbose=False) == {"w": str(tmp_path / "w")}


def test_a_policy_that_cannot_be_used_lets_nothing_be_asked(policy, server) -> None:
    policy("[origins]\nallowed = []")
    with pytest.raises(InvalidPolicyError), http.open_session() as session, http.get(session, server.url("/w")):
        pass
    assert server.requests == []
