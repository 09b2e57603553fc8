"""Catalogs with backends whose detection is a function of the test, and stand-ins for the driver's libraries."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from inference_models.catalog import Catalog
from inference_models.plugins import LoadedPlugin, LoadedPlugins, PluginInfo
from inference_models.specs import BackendSpec

MakeCatalog = Callable[..., Catalog]


@pytest.fixture
def make_catalog() -> MakeCatalog:
    """Return a function that makes a catalog: `make_catalog(("im-acme", "acme", detect), ...)`."""

    def make(*backends: tuple[str, str, Any], priority: int = 10) -> Catalog:
        plugins = [
            LoadedPlugin(
                info=PluginInfo(
                    name=name,
                    module=name,
                    group="inference_models.v1",
                    distribution=distribution,
                    version="1.2",
                    location="here",
                    selection="enabled",
                    entry_point=None,
                ),
                declared={"im_backends": (BackendSpec(name=name, priority=priority + rank, detect=detect),)},
                seconds=0.0,
            )
            for rank, (distribution, name, detect) in enumerate(backends)
        ]
        return Catalog(LoadedPlugins(plugins=tuple(plugins)))

    return make


class NVMLError(Exception):
    pass


class Driver:
    """A driver with an L4 and a T4: `install()` puts a pynvml in place that answers like nvidia-ml-py."""

    L4, T4 = "GPU-7c1c9c4a-1111-2222-3333-444455556666", "GPU-7d0000aa-1111-2222-3333-444455556666"
    PROC_INFORMATION = f"""Model: \t\t Tesla T4
IRQ:   \t\t 35
GPU UUID: \t {T4}
Video BIOS: \t 90.04.96.00.02
Bus Type: \t PCIe
Bus Location: \t 0000:00:1e.0
Device Minor: \t 0
"""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.monkeypatch = monkeypatch

    def install(self, **changes: object) -> None:
        module = ModuleType("pynvml")
        gpus = [("NVIDIA L4", (8, 9), 24 << 30, self.L4), ("Tesla T4", (7, 5), 16 << 30, self.T4)]
        functions: dict[str, object] = {
            "NVMLError": NVMLError,
            "nvmlInit": lambda: None,
            "nvmlShutdown": lambda: None,
            "nvmlDeviceGetCount": lambda: len(gpus),
            "nvmlDeviceGetHandleByIndex": lambda index: index,
            "nvmlDeviceGetName": lambda handle: gpus[handle][0],
            "nvmlDeviceGetCudaComputeCapability": lambda handle: gpus[handle][1],
            "nvmlDeviceGetMemoryInfo": lambda handle: SimpleNamespace(total=gpus[handle][2]),
            "nvmlDeviceGetUUID": lambda handle: gpus[handle][3],
            "nvmlSystemGetDriverVersion": lambda: "550.54.15",
            "nvmlSystemGetCudaDriverVersion_v2": lambda: 12040,
        }
        for name, function in (functions | changes).items():
            setattr(module, name, function)
        self.monkeypatch.setitem(sys.modules, "pynvml", module)

    @staticmethod
    def failing(text: str) -> Callable[..., None]:
        def function(*arguments: object) -> None:
            raise NVMLError(text)

        return function

    def list_t4(self, root: Path) -> None:
        """Write what the driver lists in /proc."""
        listing = root / "proc/driver/nvidia/gpus/0000:00:1e.0"
        listing.mkdir(parents=True)
        (listing / "information").write_text(self.PROC_INFORMATION)


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Driver:
    """Return a driver that is not installed yet. No GPU is hidden, and nobody asks the machine's own CUDA."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr("inference_models.environment.cuda_driver.LIBRARY", "libcuda-of-no-one.so.1")
    return Driver(monkeypatch)
