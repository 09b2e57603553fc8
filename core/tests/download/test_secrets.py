"""A secret in the address and in the headers, looked for wherever it could come out."""

from __future__ import annotations

import logging
import subprocess
import sys
import traceback
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from inference_models.download import retries
from inference_models.download.files import DownloadSpec, fetch
from inference_models.errors import BaseInferenceModelsError

if TYPE_CHECKING:
    from core.tests.download.fault_server import FaultServer

SECRET = "canary-5eb1"


@pytest.fixture(autouse=True)
def _log_everything(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="urllib3")
    monkeypatch.setattr(retries, "_FIRST_WAIT_SECONDS", 0.01)


def attempt(url: str, directory: Path, **facts: object) -> str:
    """Fetch with secrets. Return all that an error would show, "" without one."""
    spec = DownloadSpec(url=f"{url}?signature={SECRET}", name="w", headers={"Authorization": SECRET}, **facts)
    try:
        fetch(spec, directory / "w")
    except BaseInferenceModelsError as error:
        return "".join(traceback.format_exception(error)) + repr(error)
    return ""


def answer_without_colon(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nno colon\r\n\r\ncontent")
    handler.close_connection = True


@pytest.mark.parametrize("fault", ["none", "503", "404", "cut", "hash", "redirect", "malformed header", "refused"])
def test_it_comes_out_nowhere(
    server: FaultServer,
    other_server: FaultServer,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    fault: str,
) -> None:
    url = server.file("/w", b"content")
    facts = {"md5": "0" * 32} if fault == "hash" else {}
    if fault in {"503", "404"}:
        url = server.serve("/w", b"", status=int(fault))
    elif fault == "cut":
        url = server.serve("/w", b"cont", length=7)
    elif fault == "redirect":
        far = other_server.file("/far", b"content")
        url = server.serve("/w", b"", status=302, headers={"Location": f"{far}?signature={SECRET}"})
    elif fault == "malformed header":
        url = server.route("/w", answer_without_colon)
    elif fault == "refused":
        server.close()

    shown = attempt(url, tmp_path, **facts)

    assert bool(shown) == (fault not in {"none", "redirect", "malformed header"})
    assert caplog.records, "the HTTP library does log"
    out, err = capfd.readouterr()
    assert SECRET not in shown + caplog.text + out + err
    assert all(SECRET not in str(vars(record)) for record in caplog.records)
    assert all(SECRET.encode() not in path.read_bytes() for path in tmp_path.iterdir())


def test_records_of_others_come_as_they_are_when_nothing_is_fetched() -> None:
    # In a process of its own, because threads that earlier tests gave up may still be at work in this one.
    code = """
import logging
from inference_models.download.logs import without_secrets
logging.basicConfig(level=logging.DEBUG, format="%(message)s")
logger = logging.getLogger("urllib3.connectionpool")
with without_secrets():
    with without_secrets():
        pass
    logger.debug("GET %s", "/path?query=1")
logger.debug("GET %s", "/path?query=2")
assert logger.filters == []
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stderr.splitlines() == ["GET /path?...", "GET /path?query=2"]
