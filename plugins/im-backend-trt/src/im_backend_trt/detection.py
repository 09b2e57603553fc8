"""Which TensorRT is installed, and whether there is a GPU for it.

Nothing is imported: without a device, the first engine that TensorRT is given ends the process, and no handler of
exceptions prevents that. So the device is looked for here, and again before a session makes its first TensorRT object.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING, Any

from im_backend_trt.runtimes import KINDS, Runtime
from im_backend_trt.versions import parse_version
from inference_models import BackendUnavailable
from inference_models.developer_tools import installed_version, x_ray_runtime_environment

if TYPE_CHECKING:
    from inference_models.developer_tools import Environment

INSTALL = 'pip install "im-backend-trt[tensorrt]"'
INSTALL_TORCH = "install a build of torch with CUDA, as https://pytorch.org/get-started/locally says"
OLDEST = (10,)


def detect(search_path: Sequence[str] | None = None, environment: Environment | None = None) -> dict[str, Any]:
    """Return what is known about the installed TensorRT.

    Args:
        search_path: where to look; default: `sys.path`.
        environment: whose GPUs count; default: this machine's.

    Returns:
        "version" and "runtime" (of the one that runs most: "full", "lean" or "dispatch"), "runtimes" (all that are
        installed, with their versions), "cuda" (the major version that it was made for, None when not known), "torch"
        (its version) and "torch_cuda" (the CUDA that it was built for).

    Raises:
        BackendUnavailable: it, torch or a GPU is missing, or cannot be used.
    """
    runtimes = find_runtimes(search_path)
    if not runtimes:
        raise BackendUnavailable("tensorrt is not installed", f"on a machine with an NVIDIA GPU, {INSTALL}")
    usable = [runtime for runtime in runtimes if not parse_version(runtime.version) or not _is_too_old(runtime)]
    if not usable:
        raise BackendUnavailable(
            f"tensorrt {runtimes[0].version} is too old: this plugin works with TensorRT 10 and 11",
            'pip install "tensorrt>=10,<12"',
        )
    torch, torch_cuda = _find_torch(search_path)
    _require_gpu(environment if environment is not None else x_ray_runtime_environment())
    return {
        "version": usable[0].version,
        "runtime": usable[0].kind,
        "runtimes": {runtime.kind: runtime.version for runtime in usable},
        "cuda": _cuda_major(usable[0].kind, search_path),
        "torch": torch,
        "torch_cuda": torch_cuda,
    }


def find_runtimes(search_path: Sequence[str] | None = None) -> list[Runtime]:
    """Return the TensorRT runtimes that are installed, the one that runs most first. Imports none of them."""
    found = []
    for kind, module in KINDS.items():
        directory = _find_package(module, search_path)
        if directory is None:
            continue
        # The wheels keep the extension module in a package of its own, Debian's packages beside `__init__.py`.
        bindings = _find_package(f"{module}_bindings", search_path) or directory
        if any(bindings.glob(f"{module}*.so")) or any(bindings.glob(f"{module}*.pyd")):
            version = _assigned("__version__", bindings / "__init__.py")
            version = version or installed_version(module.replace("_", "-"), search_path)
            found.append(Runtime(kind, version or "unknown"))
    return found


def _is_too_old(runtime: Runtime) -> bool:
    return parse_version(runtime.version) < OLDEST


def _find_torch(search_path: Sequence[str] | None) -> tuple[str, str | None]:
    directory = _find_package("torch", search_path)
    if directory is None:
        raise BackendUnavailable(
            "torch is not installed, which holds the arrays on the GPU", f"{INSTALL_TORCH}, or {INSTALL}"
        )
    built = directory / "version.py"
    version = _assigned("__version__", built) or installed_version("torch", search_path) or "unknown"
    cuda = _assigned("cuda", built)
    if cuda is None and built.is_file():
        raise BackendUnavailable(f"the installed torch {version} is built without CUDA", INSTALL_TORCH)
    return version, cuda


def _require_gpu(environment: Environment) -> None:
    *listed, visible = environment.gpu_fingerprint
    if listed and visible == "all":  # asking the driver for more takes long, and every load would pay for it
        return
    if not environment.gpus and environment.jetson is None:  # NVML of older Jetson releases does not list their GPU
        raise BackendUnavailable(f"TensorRT needs an NVIDIA GPU, and none was found: {environment.gpu_problem}")


def _cuda_major(kind: str, search_path: Sequence[str] | None) -> int | None:
    """Return the CUDA that the wheels were made for; only they say so, in their names."""
    name = KINDS[kind].replace("_", "-")
    majors = (13, 12, 11)
    return next((major for major in majors if installed_version(f"{name}-cu{major}-libs", search_path)), None)


def _find_package(name: str, search_path: Sequence[str] | None) -> Path | None:
    spec = PathFinder.find_spec(name, search_path)
    locations = list(spec.submodule_search_locations or ()) if spec is not None else []
    return Path(locations[0]) if locations else None


def _assigned(name: str, file: Path) -> str | None:
    try:
        text = file.read_text("utf-8", errors="replace")
    except OSError:  # not every release has the file
        return None
    match = re.search(rf"^{name}(?:\s*:[^=]+)?\s*=\s*['\"]([^'\"]+)['\"]", text, re.MULTILINE)
    return match[1] if match else None
