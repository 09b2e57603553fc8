"""What only a process of its own shows: exit codes, streams, colours, signals and what is imported."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import Result

import inference_models

Im = Callable[..., Result]
Process = Callable[..., "subprocess.CompletedProcess[str]"]

HEAVY = ["numpy", "torch", "cv2", "onnxruntime", "requests", "supervision", "transformers", "PIL"]
IMPORTS = """
import atexit, sys
atexit.register(lambda: print(sorted(set({heavy}) & set(sys.modules)), file=sys.stderr))
sys.argv = ["im", *{arguments}]
from inference_models.cli import main
main()
"""


@pytest.mark.parametrize(
    ("arguments", "also"),
    [(["--help"], ["rich"]), (["--version"], ["rich"]), (["plugins"], []), (["plugins", "--json"], ["rich"])],
)
def test_nothing_heavy_is_imported(process_environment: dict[str, str], arguments: list[str], also: list[str]) -> None:
    code = IMPORTS.format(heavy=HEAVY + also, arguments=arguments)
    result = subprocess.run(
        [sys.executable, "-c", code], env=process_environment, capture_output=True, encoding="utf-8", check=False
    )
    assert result.returncode == 0
    assert result.stdout
    assert result.stderr == "[]\n"


def test_version_and_help(im_process: Process, im_run: Im) -> None:
    version = im_process("--version")
    assert (version.returncode, version.stdout, version.stderr) == (0, f"im {inference_models.__version__}\n", "")
    help_text = im_run("-h").stdout
    commands = [line.split()[0] for line in help_text.partition("Commands:\n")[2].splitlines()]
    expected = "predict describe explain download compile cache bundle plugins new doctor"
    assert commands == expected.split()
    assert "..." not in help_text.replace("[ARGS]...", ""), "every summary fits"


def test_a_failure(im_process: Process) -> None:
    result = im_process("describe", "spot://nothing")
    assert (result.returncode, result.stdout) == (1, "")
    message, help_line = result.stderr.splitlines()
    assert message == "Error: There is no model 'nothing'. Known: bright."
    assert help_line.startswith("help: https://")
    assert help_line.endswith("#modelnotfounderror")


def test_debug_shows_the_traceback(im_process: Process) -> None:
    result = im_process("--debug", "describe", "spot://nothing")
    assert result.returncode == 1
    assert "Traceback (most recent call last):" in result.stderr
    assert "Error: There is no model 'nothing'." in result.stderr


@pytest.mark.parametrize("arguments", [[], ["predikt"], ["plugins", "--jsn"], ["describe"]])
def test_what_is_not_understood(im_process: Process, arguments: list[str]) -> None:
    result = im_process(*arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert "Usage: im" in result.stderr


def test_a_bug_keeps_its_traceback(im_run: Im, install_plugin: Callable[..., Path]) -> None:
    source = """
    from inference_models.developer_tools import WeightsProviderSpec, hookimpl

    @hookimpl
    def im_weights_providers():
        return WeightsProviderSpec(name="rude", target=lambda model_id, api_key=None: 1 / 0)
    """
    install_plugin("rude", source)
    result = im_run("describe", "rude://model")
    assert result.exit_code == 1
    assert "Weights provider 'rude' failed on 'model': ZeroDivisionError" in result.stderr


def test_warnings_go_to_stderr(im_run: Im, install_plugin: Callable[..., Path]) -> None:
    source = """
    import logging
    from inference_models.developer_tools import hookimpl

    logging.getLogger("chatty").info("in detail")
    logging.getLogger("chatty").warning("take care")
    """
    install_plugin("chatty", source)
    result = im_run("plugins", "--json")
    assert json.loads(result.stdout)
    assert result.stderr == "WARNING: take care\n"


def test_debug_logs_more(im_run: Im, install_plugin: Callable[..., Path]) -> None:
    source = "import logging; logging.getLogger('chatty').debug('KEY'); logging.getLogger('chatty').info('in detail')"
    install_plugin("chatty", source)
    result = im_run("--debug", "plugins", "--json")
    assert result.stderr == "INFO: in detail\n"
    assert im_run("plugins").exit_code == 0


def test_an_error_cannot_steer_the_terminal(im_run: Im, spot: Path) -> None:
    result = im_run("describe", "spot://\x1b[2Jx")
    assert result.exit_code == 1
    assert "\x1b" not in result.stderr


@pytest.mark.skipif(os.name == "nt", reason="signals and pipes of POSIX")
def test_ctrl_c(process_environment: dict[str, str], tmp_path: Path) -> None:
    # A shell that runs the tests in the background has them ignore it, and children would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    path = tmp_path / "sleep.png"
    cv2.imwrite(str(path), np.full((8, 8, 3), 77, np.uint8))
    command = [sys.executable, "-m", "inference_models.cli", "predict", "spot://bright", str(path)]
    with subprocess.Popen(
        command, env=process_environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8"
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "sleeping\n"
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (130, "Interrupted.\n")


@pytest.mark.skipif(os.name == "nt", reason="signals and pipes of POSIX")
@pytest.mark.parametrize("arguments", [["plugins"], ["plugins", "--json"], ["doctor"], ["doctor", "--json"]])
def test_a_reader_that_goes_away(process_environment: dict[str, str], arguments: list[str]) -> None:
    read, write = os.pipe()
    os.close(read)
    with subprocess.Popen(
        [sys.executable, "-m", "inference_models.cli", *arguments],
        env=process_environment,
        stdout=write,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        os.close(write)
        _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (1, "")


def on_a_terminal(arguments: list[str], environment: dict[str, str]) -> str:
    import pty

    parent, child = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "inference_models.cli", *arguments], env=environment, stdout=child, stderr=child
    ) as process:
        os.close(child)
        chunks = []
        try:
            while chunk := os.read(parent, 4096):
                chunks.append(chunk)
        except OSError:  # Linux says so when the other side is closed
            pass
        process.wait(timeout=60)
    os.close(parent)
    return b"".join(chunks).decode()


@pytest.mark.skipif(os.name == "nt", reason="pseudo-terminals of POSIX")
def test_colours_on_a_terminal_only(process_environment: dict[str, str], im_process: Process) -> None:
    green = "\x1b[32m"
    assert green in on_a_terminal(["plugins"], process_environment)
    assert green not in on_a_terminal(["plugins"], process_environment | {"NO_COLOR": "1"})
    assert "\x1b" not in im_process("plugins").stdout


@pytest.mark.skipif(os.name == "nt", reason="pseudo-terminals of POSIX")
def test_a_terminal_sees_progress(process_environment: dict[str, str], im_process: Process, tmp_path: Path) -> None:
    path = tmp_path / "black.png"
    cv2.imwrite(str(path), np.zeros((8, 8, 3), np.uint8))
    seen = on_a_terminal(["predict", "spot://bright", str(path)], process_environment)
    assert "Loading spot://bright" in seen
    result = im_process("predict", "spot://bright", path)
    assert (result.returncode, result.stderr) == (0, "")


def test_a_name_that_the_terminal_cannot_write(im_process: Process, tmp_path: Path) -> None:
    path = tmp_path / "bäckerei-星.png"
    path.write_bytes(cv2.imencode(".png", np.zeros((8, 8, 3), np.uint8))[1].tobytes())
    # The locale is that of the file's name; what cannot write it is the terminal.
    settings = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "LC_ALL": "C.UTF-8"}
    result = im_process("predict", "spot://bright", path, **settings)
    assert (result.returncode, result.stderr) == (0, "")
    assert r"b\xe4ckerei-\u661f.png (8 x 8): no detections" in result.stdout


def test_the_installed_script() -> None:
    script = Path(sys.executable).with_name("im.exe" if os.name == "nt" else "im")
    if not script.exists():
        pytest.skip("im-core is not installed in this environment")
    result = subprocess.run([script, "--version"], capture_output=True, encoding="utf-8", check=False)
    assert (result.returncode, result.stdout) == (0, f"im {inference_models.__version__}\n")
