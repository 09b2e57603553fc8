from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from im_backend_torch.detection import detect, detect_torch_script, find_package, release
from inference_models import BackendUnavailable

LINUX = ("linux", "x86_64")
Install = Callable[..., list[str]]


def test_what_is_installed_here_is_what_torch_says_of_itself() -> None:
    facts = detect()

    assert facts["version"] == torch.__version__
    assert facts["cuda"] == torch.version.cuda
    assert ("cuda" in facts["device_types"]) == (torch.version.cuda is not None or torch.version.hip is not None)


def test_a_missing_torch_says_how_to_install_it(tmp_path: Path) -> None:
    with pytest.raises(BackendUnavailable) as caught:
        detect([str(tmp_path)])

    assert caught.value.reason == "torch is not installed"
    assert caught.value.fix == 'pip install "im-backend-torch[torch]"'


def test_an_incomplete_torch_is_none(install_torch: Install) -> None:
    with pytest.raises(BackendUnavailable, match=r"installed incompletely: .*torch has no _C module"):
        detect(install_torch(native=False))


@pytest.mark.parametrize("version", ["2.5.1", "2.5.1+cu121", "1.13.1", "2.4.0a0+git1"])
def test_a_torch_that_reads_weights_unsafely_is_refused(install_torch: Install, version: str) -> None:
    with pytest.raises(BackendUnavailable, match=r"is too old: before 2\.6.*pip install \"torch>=2\.6\""):
        detect(install_torch(version))


@pytest.mark.parametrize(
    ("built", "machine", "device_types"),
    [
        ({}, LINUX, ["cpu"]),
        ({"cuda": "12.6"}, LINUX, ["cpu", "cuda"]),
        ({"hip": "6.2.41133"}, LINUX, ["cpu", "cuda"]),
        ({}, ("darwin", "arm64"), ["cpu", "mps"]),
        ({}, ("darwin", "x86_64"), ["cpu"]),
    ],
)
def test_the_devices_follow_from_the_build(install_torch: Install, built, machine, device_types) -> None:
    facts = detect(install_torch("2.13.0", **built), machine)

    assert facts["device_types"] == device_types
    assert (facts["cuda"], facts["rocm"]) == (built.get("cuda"), built.get("hip"))
    assert facts["warnings"] == []


def test_without_its_own_word_the_metadata_tells_the_version(install_torch: Install) -> None:
    facts = detect(install_torch(None, metadata={"torch": "2.9.1"}), LINUX)

    assert (facts["version"], facts["device_types"]) == ("2.9.1", ["cpu"])


def test_a_version_that_nobody_states_is_not_refused(install_torch: Install) -> None:
    assert detect(install_torch(None), LINUX)["version"] is None


def test_a_torchvision_that_fits_is_a_fact(install_torch: Install) -> None:
    facts = detect(install_torch(vision="0.28.0"))

    assert (facts["torchvision"], facts["torchvision_problem"], facts["warnings"]) == ("0.28.0", None, [])


def test_torchscript_is_the_same_and_leaves_the_warnings_to_torch(install_torch: Install, monkeypatch) -> None:
    for entry in reversed(install_torch(vision="0.28.0", vision_needs="torch==2.12.0")):
        monkeypatch.syspath_prepend(entry)

    assert len(detect()["warnings"]) == 1
    assert detect_torch_script() == {**detect(), "warnings": []}


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (
            {"vision_needs": "torch==2.12.0"},
            "torchvision 0.28.0 is made for torch 2.12.0 and does not work with torch 2.13",
        ),
        (
            {"vision_library": b"\0libc10_cuda.so\0"},
            "torchvision 0.28.0 is a build for CUDA and does not work with torch",
        ),
    ],
)
def test_a_torchvision_that_cannot_work_is_a_warning(install_torch: Install, options, problem: str) -> None:
    facts = detect(install_torch(vision="0.28.0", **options))

    assert facts["torchvision"] is None
    assert facts["torchvision_problem"].startswith(problem)
    assert facts["warnings"] == [
        f"{facts['torchvision_problem']}. Install the one that matches, or uninstall it if nothing needs it."
    ]


def test_a_torchvision_for_cuda_beside_such_a_torch_is_fine(install_torch: Install) -> None:
    path = install_torch(
        "2.13.0+cu130", cuda="13.0", libraries=("libc10_cuda.so",), vision="0.28.0", vision_library=b"libc10_cuda.so"
    )

    assert detect(path)["warnings"] == []


def test_a_torchvision_without_metadata_or_contents_is_not_judged(install_torch: Install, tmp_path: Path) -> None:
    path = install_torch(vision="0.28.0", vision_library=b"")
    (tmp_path / "site/torchvision-0.28.0.dist-info/METADATA").unlink()

    assert detect(path)["warnings"] == []


def test_a_module_that_somebody_faked_is_not_found(monkeypatch: pytest.MonkeyPatch) -> None:
    module = type(torch)("no_such_module")
    module.__spec__ = None
    monkeypatch.setitem(__import__("sys").modules, "no_such_module", module)

    assert find_package("no_such_module") is None


@pytest.mark.parametrize(
    ("version", "numbers"), [("2.13.0+cpu", (2, 13, 0)), ("2.7.0a0+git", (2, 7, 0)), ("unknown", ()), ("2", (2,))]
)
def test_the_numbers_of_a_version(version: str, numbers: tuple[int, ...]) -> None:
    assert release(version) == numbers
