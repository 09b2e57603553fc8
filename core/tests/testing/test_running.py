"""Checks one by one without pytest, and plugins in a process of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from inference_models.testing.checks import clean_process
from inference_models.testing.checks.clean_process import probe_plugin
from inference_models.testing.checks.findings import Finding, NotChecked
from inference_models.testing.checks.running import run_checks


def passes(subject: str) -> None:
    assert subject == "ball"


def finds(subject: str) -> None:
    raise Finding(f"{subject} is flat.", "Pump it up.")


def cannot(subject: str) -> None:
    raise NotChecked("it is dark")


def crashes(subject: str) -> None:
    raise KeyError(subject)


def leaves(subject: str) -> None:
    raise SystemExit(3)


def test_every_check_is_made_whatever_came_of_the_others() -> None:
    checks = {check.__name__: check for check in (finds, crashes, leaves, cannot, passes)}
    found = {one.check: (one.state, one.reason) for one in run_checks("toy", checks, "ball")}
    assert found == {
        "finds": ("failed", "ball is flat."),
        "crashes": ("failed", "it ended the check with KeyError: 'ball'"),
        "leaves": ("failed", "it ended the check with SystemExit: 3"),
        "cannot": ("skipped", "it is dark"),
        "passes": ("passed", None),
    }


def test_none_is_made_for_a_reason() -> None:
    (one,) = run_checks("toy", {"finds": finds}, "ball", unless="it rains")
    assert (one.state, one.reason, one.change) == ("skipped", "it rains", None)


def test_an_interrupt_ends_the_run() -> None:
    def interrupted(subject: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_checks("toy", {"interrupted": interrupted}, "ball")


@pytest.fixture
def write_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path / "odd_plugin.py"


def test_a_plugin_that_ends_the_process(write_module: Path) -> None:
    write_module.write_text("import os\nos._exit(3)\n")
    with pytest.raises(Finding, match=r"odd_plugin .* ends with code 3: it said nothing"):
        probe_plugin("odd_plugin")


def test_a_plugin_that_does_not_come_back(write_module: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clean_process, "_TIMEOUT", 2.0)
    write_module.write_text("import threading\nthreading.Event().wait()\n")
    with pytest.raises(Finding, match=r"did not end within 2 s"):
        probe_plugin("odd_plugin")


def test_a_plugin_that_prints_and_fails(write_module: Path) -> None:
    write_module.write_text("print('hello')\nraise OSError('no disk')\n")
    probe = probe_plugin("odd_plugin")
    assert probe.plugin.failure == "OSError: no disk"
    assert probe.declared == {}


@pytest.mark.parametrize(
    ("code", "deed"),
    [
        ("import os; os.environ['ODD_PLUGIN'] = '1'", "changed the environment variable ODD_PLUGIN"),
        ("import threading; threading.Thread(target=threading.Event().wait, daemon=True).start()", "left 1 threads"),
        ("import socket; socket.socket().connect_ex(('127.0.0.1', 9))", "connected to ('127.0.0.1', 9)"),
        ("import socket; socket.getaddrinfo('localhost', None)", "looked up the host localhost"),
        ("import subprocess, sys; subprocess.run([sys.executable, '-c', ''])", "started the program"),
        ("import time; time.sleep(0.25)", "slept for 0.25 s"),
        ("import os; os.open(os.path.dirname(__file__) + '/log', os.O_CREAT | os.O_WRONLY)", "wrote to"),
    ],
)
def test_what_a_plugin_does_is_noted(write_module: Path, code: str, deed: str) -> None:
    write_module.write_text(code)
    deeds = probe_plugin("odd_plugin").plugin.deeds
    assert any(one.startswith(deed) for one in deeds), deeds


def test_reading_and_pythons_own_files_are_no_deeds(write_module: Path) -> None:
    write_module.write_text("import json, os\nopen(__file__).close()\nopen(os.devnull, 'w').close()\n")
    probe = probe_plugin("odd_plugin")
    assert probe.plugin.deeds == ()
    assert "odd_plugin" in probe.plugin.modules
