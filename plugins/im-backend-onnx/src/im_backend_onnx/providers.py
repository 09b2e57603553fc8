"""Which execution providers to ask ONNX Runtime for, given what was asked for and what its build has."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TypeAlias

from attrs import field, frozen

from im_backend_onnx.detection import INSTALL_GPU
from inference_models import DeviceUnavailableError, InvalidEnvVariable, InvalidParameterError
from inference_models.developer_tools import Variable, describe_choices, parse_names

CPU = "CPUExecutionProvider"
CUDA = "CUDAExecutionProvider"
COREML = "CoreMLExecutionProvider"
OPENVINO = "OpenVINOExecutionProvider"
TENSORRT = "TensorrtExecutionProvider"

_DEFAULT = (CUDA, OPENVINO, COREML, CPU)
EXECUTION_PROVIDERS = Variable[tuple[str, ...]](
    name="ONNXRUNTIME_EXECUTION_PROVIDERS",
    default=_DEFAULT,
    parse=lambda text: parse_names(text) or _DEFAULT,
    description="ONNX Runtime execution providers from most to least preferred, for when no device is asked for.",
)

# Those that can do the work on a kind of device; the first is the one taken when only the device is named.
_ON_DEVICE: Mapping[str, tuple[str, ...]] = {
    "cpu": (CPU, OPENVINO, "DnnlExecutionProvider", "XnnpackExecutionProvider"),
    "cuda": (CUDA, TENSORRT, "NvTensorRTRTXExecutionProvider"),
    "mps": (COREML,),
}
# All that ONNX Runtime has had by 1.31, whatever it was built for; a build may have others besides.
_KNOWN = frozenset(
    f"{name}ExecutionProvider"
    for name in (
        *("ACL", "ArmNN", "Azure", "CANN", "CPU", "CUDA", "CoreML", "Dml", "Dnnl", "Js", "MIGraphX", "Nnapi"),
        *("NvTensorRTRTX", "OpenVINO", "QNN", "ROCM", "Rknpu", "SNPE", "Tensorrt", "Tvm", "VSINPU", "VitisAI"),
        *("WebGpu", "WebNN", "Xnnpack"),
    )
)
_HOW_TO_GET = {CUDA: INSTALL_GPU, COREML: "it comes with onnxruntime, on macOS only"}
# They replay work on the memory of the first run, and each run of a session has memory of its own.
_CUDA_GRAPHS = ("enable_cuda_graph", "trt_cuda_graph_enable")
_SECRET = re.compile(r"key|token|secret|passw|credential|auth", re.IGNORECASE)


@frozen
class Provider:
    """An execution provider and the options to start it with."""

    name: str
    options: Mapping[str, str] = field(factory=dict)


@frozen
class Device:
    """A device by name, for example "cuda:1": its kind, and its number if one was given."""

    kind: str
    index: int | None = None

    def __str__(self) -> str:
        return self.kind if self.index is None else f"{self.kind}:{self.index}"


Attempt: TypeAlias = tuple[Provider, ...]
"""Providers for one session. The first must really be in it; the others take what the first cannot run."""


def parse_device(text: str) -> Device:
    """Return the device named `text`.

    Raises:
        InvalidParameterError: this backend knows no such device.
    """
    kind, _, number = text.strip().lower().partition(":")
    if kind not in _ON_DEVICE or (":" in text and not number.isdecimal()) or (number and kind != "cuda"):
        raise InvalidParameterError(
            f"device={text!r} is not a device that the ONNX backend knows: cpu, cuda, cuda:<number> or mps. "
            f"Other execution providers are chosen with onnx_execution_providers=."
        )
    return Device(kind, int(number) if number else None)


def parse_providers(value: object) -> tuple[Provider, ...] | None:
    """Return the providers given as `onnx_execution_providers=`: names or (name, options) pairs, None for none.

    Raises:
        InvalidParameterError: it is something else.
    """
    if value is None:
        return None
    if isinstance(value, str) or not isinstance(value, Sequence) or not value:
        raise InvalidParameterError(
            f"onnx_execution_providers= takes a list of names or of (name, options) pairs, not {value!r}."
        )
    return tuple(_parse_provider(item) for item in value)


def _parse_provider(item: object) -> Provider:
    name, options = (item, {}) if isinstance(item, str) else _pair(item)
    if not isinstance(name, str) or not isinstance(options, Mapping):
        raise InvalidParameterError(
            "onnx_execution_providers= takes names such as 'CUDAExecutionProvider' or pairs such as "
            f"('CUDAExecutionProvider', {{'device_id': 0}}); an entry of type {type(item).__name__} is neither."
        )
    settings = {str(key): str(setting) for key, setting in options.items()}
    for option in _CUDA_GRAPHS:
        if settings.get(option, "0").lower() in ("1", "true"):
            raise InvalidParameterError(
                f"The option {option} of {name} cannot be used: it runs the network on the memory of its first run, "
                f"and each run of a session brings its own. Leave it out. The backend trt records CUDA graphs."
            )
    return Provider(name, settings)


def _pair(item: object) -> tuple[object, object]:
    return (item[0], item[1]) if isinstance(item, Sequence) and len(item) == 2 else (None, None)


def refuse_unknown(requested: Iterable[Provider] | None, available: Collection[str]) -> None:
    """Raise InvalidParameterError for names that are no execution providers, which ONNX Runtime would pass over.

    Args:
        requested: what was given as `onnx_execution_providers=`.
        available: providers that the installed build has.
    """
    for provider in requested or ():
        if problem := _no_provider(provider.name, available):
            raise InvalidParameterError(f"onnx_execution_providers= names {problem}")


def _no_provider(name: str, available: Collection[str]) -> str | None:
    known = _KNOWN.union(available)
    if name in known:
        return None
    return f"{name!r}, which is no execution provider of ONNX Runtime. {describe_choices(name, sorted(known))}"


def _preferred(available: Collection[str]) -> tuple[str, ...]:
    names = EXECUTION_PROVIDERS.get()
    for name in names:
        if problem := _no_provider(name, available):
            raise InvalidEnvVariable(
                f"Environment variable {EXECUTION_PROVIDERS.name} cannot be used: it names {problem} Correct it or "
                f"unset it."
            )
    return names


def plan_attempts(
    *,
    device: Device | None,
    requested: tuple[Provider, ...] | None,
    available: Collection[str],
    incompatible: Collection[str] = (),
) -> list[Attempt]:
    """Return what to try, in this order, until a session really has the first provider of an attempt.

    Args:
        device: what the user asked for; everything that is tried then runs on it.
        requested: the user's own list; a list is a preference, so a later entry may serve when an earlier
            one cannot.
        available: providers that the installed build has.
        incompatible: providers that the package is known not to run on.

    Raises:
        DeviceUnavailableError: nothing is left of what was asked for.
        InvalidParameterError: device and providers contradict each other, or a name is no execution provider.
        InvalidEnvVariable: neither is a name in ONNXRUNTIME_EXECUTION_PROVIDERS, where that is what counts.
    """
    refuse_unknown(requested, available)
    wanted = requested
    if wanted is None:
        names: Iterable[str] = _preferred(available) if device is None else _ON_DEVICE[device.kind][:1]
        wanted = tuple(Provider(name) for name in names)
    if device is not None:
        wanted = _restricted_to(device, wanted)
    usable = tuple(provider for provider in wanted if provider.name in available and provider.name not in incompatible)
    leads = [provider for provider in usable if device is None or provider.name in _ON_DEVICE[device.kind]]
    if not leads:
        raise DeviceUnavailableError(
            _explain_nothing_usable(_asked(device, requested), device, wanted, available, incompatible)
        )
    if requested is None:
        return [_with_cpu((provider,)) for provider in usable]
    return [usable[usable.index(lead) :] for lead in leads]


def _with_cpu(providers: Attempt) -> Attempt:
    return providers if providers[-1].name == CPU else (*providers, Provider(CPU))


def _restricted_to(device: Device, wanted: tuple[Provider, ...]) -> tuple[Provider, ...]:
    """Keep the providers of a device, with the device's number in their options, and the CPU as their helper."""
    own = _ON_DEVICE[device.kind]
    if not any(provider.name in own for provider in wanted):
        raise InvalidParameterError(
            f"device={str(device)!r} and onnx_execution_providers={[provider.name for provider in wanted]} contradict "
            f"each other: on {device.kind} there is {', '.join(own)}. Give one of the two, or make them agree."
        )
    kept = tuple(provider for provider in wanted if provider.name in (*own, CPU))
    return tuple(_on(device, provider) if provider.name in own else provider for provider in kept)


def _on(device: Device, provider: Provider) -> Provider:
    if provider.name == OPENVINO:
        return _with_option(device, provider, "device_type", "CPU")
    if device.index is not None:
        return _with_option(device, provider, "device_id", str(device.index))
    return provider


def _with_option(device: Device, provider: Provider, option: str, setting: str) -> Provider:
    given = provider.options.get(option, setting)
    if given != setting:
        raise InvalidParameterError(
            f"device={str(device)!r} and the option {option}={given!r} of {provider.name} contradict each other. "
            f"Give one of the two, or make them agree."
        )
    return Provider(provider.name, {**provider.options, option: setting})


def _asked(device: Device | None, requested: object) -> str:
    if device is not None:
        return f"device {str(device)!r}"
    if requested is None and EXECUTION_PROVIDERS.is_set:
        return f"the execution providers of {EXECUTION_PROVIDERS.name}"
    return "the execution providers asked for"


def _explain_nothing_usable(
    asked: str,
    device: Device | None,
    wanted: Iterable[Provider],
    available: Collection[str],
    incompatible: Collection[str],
) -> str:
    names = [provider.name for provider in wanted]
    if device is not None:
        names = [name for name in names if name in _ON_DEVICE[device.kind]]  # the CPU was there to help only
    refused = "is one that the package is known not to run with"
    missing = f"is not in the installed build, which has {', '.join(available)}"
    reasons = "; ".join(f"{name} {refused if name in incompatible else missing}" for name in names)
    absent = next((name for name in names if name not in available and name not in incompatible), None)
    return f"ONNX Runtime cannot run on {asked}: {reasons}. {_advice(absent, available)}"


def _advice(absent: str | None, available: Collection[str]) -> str:
    if absent is None:
        return "Ask for another device or another package."
    if absent in _HOW_TO_GET:
        return f"To get {absent}: {_HOW_TO_GET[absent]}."
    return describe_choices(absent, tuple(available))


def device_of(provider: str, options: Mapping[str, str]) -> str:
    """Return the name of the device on which a provider with these options works."""
    if provider in _ON_DEVICE["cuda"]:
        return f"cuda:{options.get('device_id', '0')}"
    if provider == COREML:
        return "mps"
    if provider == OPENVINO:
        return options.get("device_type", "CPU").lower() or "cpu"
    if provider in _ON_DEVICE["cpu"]:
        return "cpu"
    return provider.removesuffix("ExecutionProvider").lower()


def without_secrets(options: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    """Return provider options for a report: what may be a key or a password is starred out."""
    return {
        provider: {name: "***" if _SECRET.search(name) else value for name, value in settings.items()}
        for provider, settings in options.items()
    }
