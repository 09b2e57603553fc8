from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from im_backend_hf.detection import detect
from inference_models import BackendUnavailable

Install = Callable[..., list[str]]


@pytest.fixture
def install(tmp_path: Path) -> Install:
    """Return a function that makes installations out of metadata: `install(transformers="5.23.0", ...)`."""

    def make(needs: str = "", library: bytes | None = None, cuda: bool = False, **versions: str) -> list[str]:
        for name, version in versions.items():
            directory = tmp_path / f"{name}-{version}.dist-info"
            directory.mkdir()
            more = f"Requires-Dist: numpy\nRequires-Dist: {needs}\n" if name == "torchvision" and needs else ""
            (directory / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{more}")
            (tmp_path / name).mkdir()
            (tmp_path / name / "__init__.py").touch()
        if library is not None:
            (tmp_path / "torchvision/_C.so").write_bytes(library)
        if cuda:
            (tmp_path / "torch/lib").mkdir()
            (tmp_path / "torch/lib/libc10_cuda.so").touch()
        return [str(tmp_path)]

    return make


def test_versions(install: Install) -> None:
    path = install(transformers="5.23.0", torch="2.13.0+cpu", tokenizers="0.23.3", peft="0.21.2")
    assert detect(path) == {
        "version": "5.23.0",
        "torch": "2.13.0+cpu",
        "tokenizers": "0.23.3",
        "peft": "0.21.2",
        "accelerate": None,
        "bitsandbytes": None,
        "warnings": [],
    }


@pytest.mark.parametrize(
    ("versions", "reason", "fix"),
    [
        ({"torch": "2.13.0"}, "transformers is not installed", 'pip install "im-backend-hf[torch]"'),
        ({"transformers": "5.23.0"}, "torch is not installed", 'pip install "im-backend-hf[torch]"'),
        ({"transformers": "4.57.1", "torch": "2.13.0"}, "transformers 4.57.1 is too old", '"transformers>=5.5"'),
        ({"transformers": "5.5.0", "torch": "2.5.1"}, "torch 2.5.1 is too old", '"torch>=2.6"'),
    ],
)
def test_what_is_missing_or_too_old(install: Install, versions: dict[str, str], reason: str, fix: str) -> None:
    with pytest.raises(BackendUnavailable) as error:
        detect(install(**versions))
    assert error.value.reason == reason
    assert fix in str(error.value.fix)


@pytest.mark.parametrize("version", ["5.5.0", "5.6.0.dev0", "6.0", "main"])
def test_what_is_new_enough(install: Install, version: str) -> None:
    assert detect(install(transformers=version, torch="2.6.0"))["version"] == version


@pytest.mark.parametrize(
    ("torch", "needs", "library", "cuda", "warning"),
    [
        ("2.13.0+cpu", "torch==2.13.0", b"libc10.so", False, None),
        ("2.13.0", "torch (==2.13.0)", b"libc10_cuda.so", True, None),
        ("2.13.0", "", b"", False, None),
        ("2.13.0", "torch==2.12.0", b"", False, "torchvision 0.28.0 is made for torch 2.12.0 and does not work with"),
        ("2.13.0+cpu", "torch==2.13.0", b"libc10_cuda.so", False, "torchvision 0.28.0 is a build for CUDA and does"),
    ],
)
def test_a_torchvision_that_breaks_transformers(
    install: Install, torch: str, needs: str, library: bytes, cuda: bool, warning: str | None
) -> None:
    path = install(transformers="5.23.0", torch=torch, torchvision="0.28.0", needs=needs, library=library, cuda=cuda)
    warnings = detect(path)["warnings"]
    assert len(warnings) == (warning is not None)
    assert warning is None or warnings[0].startswith(warning)
    assert warning is None or "or uninstall it" in warnings[0]
