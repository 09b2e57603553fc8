from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from inference_models.environment.host import describe_host, installed_runtimes


def test_the_name_of_a_linux_system_is_its_own(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/os-release").write_text('NAME="Ubuntu"\nPRETTY_NAME="Ubuntu 22.04.4 LTS"\nID=ubuntu\n')

    host = describe_host(tmp_path)

    assert host.os == "Ubuntu 22.04.4 LTS"
    assert host.sources["os"] == "/etc/os-release"


def test_the_name_of_the_processor(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    first = "processor\t: 0\nvendor_id\t: AuthenticAMD\nmodel name\t: AMD EPYC  7B13 64-Core\n\n"
    (tmp_path / "proc/cpuinfo").write_text(first * 300)
    host = describe_host(tmp_path)

    assert (host.processor, host.sources["processor"]) == ("AMD EPYC 7B13 64-Core", "/proc/cpuinfo")


@pytest.mark.parametrize("text", [None, "processor\t: 0\nBogoMIPS\t: 62.50\nCPU part\t: 0xd42\n"])
def test_a_processor_without_a_name(tmp_path: Path, text: str | None) -> None:
    if text is not None:  # as on a Jetson
        (tmp_path / "proc").mkdir()
        (tmp_path / "proc/cpuinfo").write_text(text)
    host = describe_host(tmp_path)

    assert host.processor is None
    assert "processor" not in host.sources


def test_a_system_that_does_not_name_itself(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(sys, "platform", "freebsd14")

    assert describe_host(tmp_path).os.strip()


@pytest.mark.skipif(not hasattr(os, "sysconf"), reason="asks Windows itself")
def test_facts_of_this_machine() -> None:
    host = describe_host()

    assert host.cpus == os.cpu_count()
    assert 1 <= host.available_cpus <= host.cpus
    assert host.python.endswith(".".join(map(str, sys.version_info[:3])))
    assert host.memory_bytes is not None
    assert host.memory_bytes > 64 << 20
    assert {"os", "machine", "python", "cpus", "available_cpus", "memory_bytes"} <= set(host.sources)


def test_versions_come_from_metadata(tmp_path: Path, monkeypatch) -> None:
    for name, text in {
        "torch": "Metadata-Version: 2.1\nName: torch\nVersion: 99.1+cpu\n",
        "mediapipe": "Metadata-Version: 2.1\nName: mediapipe\n",  # left behind by a broken installation
    }.items():
        (tmp_path / f"{name}-1.dist-info").mkdir()
        (tmp_path / f"{name}-1.dist-info/METADATA").write_text(text)
    import importlib_metadata  # itself found on the path that is replaced now

    assert importlib_metadata.version("attrs")
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    found = installed_runtimes()

    assert found["torch"] == "99.1+cpu"
    assert found["mediapipe"] == "unknown"
    assert "numpy" not in found
