from __future__ import annotations

import hashlib
import io
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from inference_models.download.files import DownloadSpec, fetch_all
from inference_models.download.progress import ProgressSink, show_progress

if TYPE_CHECKING:
    from core.tests.download.fault_server import FaultServer

BODY = b"weights" * 300_000


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def fetch_two(server: FaultServer, directory: Path, sink: ProgressSink | None) -> None:
    md5 = hashlib.md5(BODY).hexdigest()
    damaged = bytes(len(BODY))
    urls = {
        "sub/weights.onnx": server.file("/1", BODY, faults=[lambda handler, serve: serve(body=damaged)]),
        "[red]names.txt": server.serve("/2", BODY, length=None),
    }
    specs = [DownloadSpec(url=url, name=name, md5=md5) for name, url in urls.items()]
    fetch_all(specs, directory, progress=sink)


def test_a_line_for_each_file_where_there_is_no_terminal(server: FaultServer, tmp_path: Path) -> None:
    stream = io.StringIO()
    with show_progress(stream=stream) as sink:
        fetch_two(server, tmp_path, sink)

    lines = sorted(stream.getvalue().splitlines())
    assert len(lines) == 3
    assert lines[0].startswith("Fetched [red]names.txt: 2.1 MB in ")
    assert lines[1].startswith("Fetched sub/weights.onnx: 2.1 MB in ")
    assert lines[2].startswith("File 'sub/weights.onnx' from http://127.0.0.1")
    assert lines[2].endswith("Fetching it once more.")


def test_a_line_is_written_in_one_piece() -> None:
    written: list[str] = []

    class Stream(io.StringIO):
        def write(self, text: str) -> int:
            written.append(text)
            return len(text)

    with show_progress(stream=Stream()) as sink:
        sink.start("weights.onnx", 10, 0)
        sink.finish("weights.onnx")
    assert [text for text in written if not text.endswith("\n")] == []


def test_bars_on_a_terminal(server: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "140")
    stream = Terminal()
    with show_progress(stream=stream) as sink:
        fetch_two(server, tmp_path, sink)

    shown = stream.getvalue()
    assert "sub/weights.onnx" in shown
    assert "[red]names.txt" in shown
    assert "2.1/2.1 MB" in shown
    assert "Fetching it once more." in shown


def test_nothing_when_it_is_not_wanted(server: FaultServer, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with show_progress(verbose=False) as sink:
        assert sink is None
        fetch_two(server, tmp_path, sink)
    assert capfd.readouterr() == ("", "")


def test_only_bars_need_rich() -> None:
    code = """
import io, sys
from inference_models.download import files
from inference_models.download.progress import show_progress
with show_progress(stream=io.StringIO()) as sink:
    sink.message("text")
assert "rich" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)
