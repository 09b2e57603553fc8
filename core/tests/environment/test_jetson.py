"""Release files as recorded on Jetson boards: JetPack 4, 5, 6 and 7."""

from __future__ import annotations

from pathlib import Path

import pytest

from inference_models.environment import Jetson
from inference_models.environment.jetson import find_jetson, module_name, parse_l4t_release

NANO_R32 = """\
# R32 (release), REVISION: 7.1, GCID: 29818004, BOARD: t210ref, EABI: aarch64, DATE: Sat Feb 19 17:07:00 UTC 2022
"""
XAVIER_R35 = """\
# R35 (release), REVISION: 4.1, GCID: 33958178, BOARD: t186ref, EABI: aarch64, DATE: Tue Aug  1 19:57:35 UTC 2023
"""
ORIN_R36 = """\
# R36 (release), REVISION: 4.3, GCID: 38968081, BOARD: generic, EABI: aarch64, DATE: Wed Jan  8 01:49:37 UTC 2025
# KERNEL_VARIANT: oot
TARGET_USERSPACE_LIB_DIR=nvidia
TARGET_USERSPACE_LIB_DIR_PATH=usr/lib/aarch64-linux-gnu/nvidia
"""
THOR_R38 = """\
# R38 (release), REVISION: 2.0, GCID: 41844464, BOARD: generic, EABI: aarch64, DATE: Fri Aug 22 00:55:42 UTC 2025
# KERNEL_VARIANT: oot
INSTALL_TYPE=
"""


@pytest.fixture(autouse=True)
def _no_overrides(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RUNNING_ON_JETSON", "L4T_VERSION", "JETSON_MODULE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def board(tmp_path: Path):
    """Return a function that writes a board's files: `board(release, model)`."""

    def write(release: str | None, model: bytes | None) -> Path:
        if release is not None:
            (tmp_path / "etc").mkdir()
            (tmp_path / "etc/nv_tegra_release").write_text(release)
        if model is not None:
            (tmp_path / "proc/device-tree").mkdir(parents=True)
            (tmp_path / "proc/device-tree/model").write_bytes(model)
        return tmp_path

    return write


@pytest.mark.parametrize(
    ("release", "model", "expected"),
    [
        (NANO_R32, b"NVIDIA Jetson Nano Developer Kit\0", ("nvidia-jetson-nano", "32.7.1")),
        (XAVIER_R35, b"NVIDIA Jetson Xavier NX Developer Kit\0", ("nvidia-jetson-xavier-nx", "35.4.1")),
        (ORIN_R36, b"NVIDIA Jetson Orin NX Engineering Reference Developer Kit\0", ("nvidia-jetson-orin-nx", "36.4.3")),
        (ORIN_R36, b"NVIDIA Jetson AGX Orin Developer Kit\0", ("nvidia-jetson-agx-orin", "36.4.3")),
        (THOR_R38, b"NVIDIA Jetson AGX Thor Developer Kit\0", ("nvidia-jetson-agx-thor", "38.2.0")),
    ],
)
def test_boards(board, release: str, model: bytes, expected: tuple[str, str]) -> None:
    jetson = find_jetson(board(release, model))

    assert jetson is not None
    assert (jetson.module, jetson.l4t_version) == expected
    assert jetson.model == model.decode().rstrip("\0")
    assert jetson.sources == {
        "module": "/proc/device-tree/model",
        "model": "/proc/device-tree/model",
        "l4t_version": "/etc/nv_tegra_release",
    }


def test_a_container_that_hides_the_release_file(board, monkeypatch) -> None:
    root = board(None, b"NVIDIA Jetson Orin Nano Developer Kit Super\0")
    assert find_jetson(root) == Jetson("nvidia-jetson-orin-nano", "NVIDIA Jetson Orin Nano Developer Kit Super", None)

    monkeypatch.setenv("L4T_VERSION", "36.4.0")
    assert find_jetson(root) == Jetson(
        "nvidia-jetson-orin-nano", "NVIDIA Jetson Orin Nano Developer Kit Super", "36.4.0"
    )


@pytest.mark.parametrize("model", [None, b"Raspberry Pi 5 Model B Rev 1.0\0"])
def test_other_machines_are_no_jetson(board, model) -> None:
    assert find_jetson(board(None, model)) is None


def test_the_switch_overrides_what_the_files_say(board, monkeypatch) -> None:
    root = board(ORIN_R36, b"NVIDIA Jetson AGX Orin Developer Kit\0")
    monkeypatch.setenv("RUNNING_ON_JETSON", "false")
    assert find_jetson(root) is None


def test_everything_can_be_stated(tmp_path: Path, monkeypatch) -> None:
    for name, value in {"RUNNING_ON_JETSON": "true", "L4T_VERSION": "36.4.3", "JETSON_MODULE": "nvidia-x"}.items():
        monkeypatch.setenv(name, value)

    jetson = find_jetson(tmp_path)

    assert jetson == Jetson(module="nvidia-x", model=None, l4t_version="36.4.3")
    assert jetson.sources == {"module": "JETSON_MODULE", "l4t_version": "L4T_VERSION"}


def test_a_release_of_two_digits() -> None:
    assert parse_l4t_release("# R39 (release), REVISION: 2.10, GCID: 1") == "39.2.10"


@pytest.mark.parametrize("text", ["", "# R36\n", "REVISION: 4.3", "# Rxx (release), REVISION: y"])
def test_other_text_is_no_release(text: str) -> None:
    assert parse_l4t_release(text) is None


@pytest.mark.parametrize("model", ["", "Some Orinoco Board", "nanopi"])
def test_other_names_are_no_module(model: str) -> None:
    assert module_name(model) is None
