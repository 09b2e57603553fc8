"""Small torch networks, archives of them, and installations of torch made of files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from im_backend_torch import threads


class Line(nn.Module):
    """`2 x + 1` of tensors of any shape."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * 2 + 1


class Convolutions(nn.Module):
    """Two convolutions with a batch normalisation between them: (N, 3, H, W) to (N, 4, H / 2, W / 2)."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.last = nn.Conv2d(8, 4, 1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.last(self.norm(self.first(images)).relu())


def seeded(make: Callable[[], nn.Module], seed: int = 0) -> nn.Module:
    """Return a network whose weights and statistics depend on `seed` alone, leaving torch's own generator alone."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = make().eval()
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.normal_()
                module.running_var.uniform_(0.5, 2.0)
    return network


class Networks:
    """The networks above, for tests: a conftest cannot be imported."""

    Line = Line
    Convolutions = Convolutions
    seeded = staticmethod(seeded)


@pytest.fixture(scope="session")
def networks() -> type[Networks]:
    return Networks


@pytest.fixture
def write_archive(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a package: `write_archive(network, *example inputs)`, scripted without examples."""

    def write(network: nn.Module, *examples: torch.Tensor, name: str = "weights.torchscript", **options: Any) -> Path:
        directory = tmp_path / "package"
        directory.mkdir(exist_ok=True)
        with torch.no_grad():
            program = torch.jit.trace(network, examples, **options) if examples else torch.jit.script(network)
        torch.jit.save(program, str(directory / name))
        return directory

    return write


@pytest.fixture
def package(write_archive: Callable[..., Path]) -> Path:
    """Return a directory with the two convolutions as `weights.torchscript`."""
    return write_archive(seeded(Convolutions), torch.zeros(1, 3, 16, 16))


@pytest.fixture
def install_torch(tmp_path: Path) -> Callable[..., list[str]]:
    """Return a function that makes an installation of torch and torchvision out of files, and gives its path."""

    def install(
        version: str | None = "2.13.0+cpu",
        *,
        cuda: str | None = None,
        hip: str | None = None,
        native: bool = True,
        metadata: Mapping[str, str] | None = None,
        libraries: tuple[str, ...] = (),
        vision: str | None = None,
        vision_needs: str = "torch (==2.13.0)",
        vision_library: bytes = b"libc10.so",
    ) -> list[str]:
        site = tmp_path / "site"
        (site / "torch/lib").mkdir(parents=True)
        (site / "torch/__init__.py").touch()
        if native:
            (site / "torch/_C.cpython-311-x86_64-linux-gnu.so").touch()
        if version is not None:
            lines = [f"__version__ = '{version}'", f"cuda: Optional[str] = {cuda!r}", f"hip: Optional[str] = {hip!r}"]
            (site / "torch/version.py").write_text("\n".join(lines) + "\n")
        for library in libraries:
            (site / "torch/lib" / library).touch()
        if vision is not None:
            (site / "torchvision").mkdir()
            (site / "torchvision/__init__.py").touch()
            (site / "torchvision/_C.so").write_bytes(vision_library)
            _write_metadata(site, "torchvision", vision, f"Requires-Dist: numpy\nRequires-Dist: {vision_needs}\n")
        for name, number in (metadata or {}).items():
            _write_metadata(site, name, number)
        return [str(site)]

    return install


def _write_metadata(site: Path, name: str, version: str, more: str = "") -> None:
    directory = site / f"{name}-{version}.dist-info"
    directory.mkdir()
    (directory / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{more}")


@pytest.fixture(autouse=True)
def _warn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is said once per process is said once per test."""
    monkeypatch.setattr(threads, "_warned", set())
