"""The token goes to the index and nowhere else; signatures go to the file host and nowhere else."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
import traceback
from pathlib import Path

import pytest

from inference_models import AutoModel, BaseInferenceModelsError
from inference_models.developer_tools import get_model_from_provider

MODEL = "acme://line-7/defects@4"
SIGNATURE = re.compile(r"signature=\w+")


def texts_in(directory: Path) -> str:
    """Return names and contents of everything in a directory, hidden files included."""
    files = [path for path in directory.rglob("*") if path.is_file()]
    assert files
    return "\n".join(f"{path}\n{path.read_bytes().decode('latin-1')}" for path in files)


def assert_clean(text: str, acme) -> None:
    assert acme.token not in text
    assert SIGNATURE.search(text) is None


def test_the_file_host_never_sees_the_token(acme) -> None:
    acme.files.stalls = [(1_000, 120)]
    AutoModel.from_pretrained(MODEL).close()
    assert len(acme.files.requests) >= 3
    assert acme.token not in str(acme.files.requests)
    assert not [headers for _, headers, _ in acme.files.requests if "authorization" in headers or "cookie" in headers]
    assert all(headers["authorization"] == f"Bearer {acme.token}" for _, headers, _ in acme.requests)
    assert acme.token not in str([path for path, _, _ in acme.requests])


def test_nothing_secret_is_logged_or_kept(acme, home, caplog) -> None:
    caplog.set_level(logging.DEBUG)
    acme.files.stalls = [(1_000, 120)]
    AutoModel.from_pretrained(MODEL, verbose=True).close()
    assert "weights.onnx" in texts_in(home)
    assert_clean(texts_in(home), acme)
    assert caplog.records
    assert_clean("\n".join(f"{record.getMessage()} {record.__dict__}" for record in caplog.records), acme)


def test_nothing_secret_shows_in_a_repr(acme) -> None:
    from acme_provider.index import Index

    metadata = get_model_from_provider(MODEL)
    assert_clean(f"{metadata!r}\n{metadata}\n{Index.connect()!r}", acme)
    assert "/".join(acme.files.url.split("/")[:3]) in repr(metadata)


@pytest.mark.parametrize("failure", ["wrong token", "no JSON", "status", "down", "no file"])
def test_nothing_secret_shows_in_an_error(acme, monkeypatch, failure) -> None:
    monkeypatch.setenv("API_CALLS_MAX_TRIES", "1")
    key = None
    if failure == "wrong token":
        key = "acme_of-somebody-else"
    elif failure == "down":
        acme.close()
    elif failure == "no file":
        acme.files.contents.clear()
    else:
        acme.broken = (200 if failure == "no JSON" else 418, f"you sent {acme.token}".encode())
    with pytest.raises(BaseInferenceModelsError) as error:
        AutoModel.from_pretrained(MODEL, api_key=key)
    shown = "".join(traceback.format_exception(error.value))
    assert_clean(f"{shown}\n{error.value!r}\n{error.value.message}", acme)
    assert key is None or key not in shown


@pytest.mark.parametrize("command", [["doctor"], ["plugins"], ["describe", MODEL], ["explain", MODEL]])
def test_nothing_secret_shows_on_the_command_line(acme, command) -> None:
    for more in ([], ["--json"]):
        run = [sys.executable, "-m", "inference_models.cli", *command, *more]
        result = subprocess.run(run, capture_output=True, text=True, check=False)
        assert "acme" in result.stdout or "line-7/defects@4" in result.stdout
        assert_clean(result.stdout + result.stderr, acme)
