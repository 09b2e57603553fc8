"""Whether a package can run on this machine, decided before anything is downloaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from im_backend_hf.options import SESSION_OPTIONS, Options
from inference_models import InvalidParameterError
from inference_models.developer_tools import BackendType, Quantization, parse_torch_device

if TYPE_CHECKING:
    from inference_models.developer_tools import Environment, ModelPackageMetadata, Request


def check(package: ModelPackageMetadata, environment: Environment, request: Request) -> str | None:
    """Return why a package cannot run here, None when nothing speaks against it."""
    if package.quantization is Quantization.INT8:
        return "weights of 8 bits are not loaded; load_in_4bit=True makes smaller ones of others"
    own = {name: value for name, value in request.options.items() if name in SESSION_OPTIONS}  # not other backends'
    try:
        options = Options.parse(own)
    except InvalidParameterError:
        return None  # a mistake of the caller, which `check_options` reports as such
    return _option_reason(options, environment) or _device_reason(request.device, environment)


def _option_reason(options: Options, environment: Environment) -> str | None:
    if not options.load_in_4bit:
        return None
    facts = environment.backend(BackendType.HF).facts
    missing = [name for name in ("accelerate", "bitsandbytes") if facts.get(name) is None]
    if missing:
        return f'load_in_4bit=True needs {" and ".join(missing)}: pip install "im-backend-hf[4bit]"'
    return None


def _device_reason(asked: str | None, environment: Environment) -> str | None:
    if asked is None:
        return None  # there always is a CPU
    try:
        device = parse_torch_device(asked)
    except InvalidParameterError as error:
        return error.message
    if device.kind != "cuda":
        return None
    builds = {library.details.get("build") for library in environment.libraries if library.name == "torch"}
    if builds == {"CPU"}:
        return f"device {asked!r} was asked for and the installed torch is for the CPU only: install one with CUDA"
    if any(str(build).startswith("CUDA") for build in builds) and environment.jetson is None:
        count = len(environment.gpus)
        if count == 0:
            return f"device {asked!r} was asked for and no NVIDIA GPU was found: {environment.gpu_problem}"
        if device.index is not None and device.index >= count:
            return f"device {asked!r} was asked for and the highest that this process can use is cuda:{count - 1}"
    return None
