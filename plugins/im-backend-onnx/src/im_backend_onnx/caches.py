"""Where execution providers keep what they compile: in the user's cache, never in the package.

An engine depends on the network, on ONNX Runtime and on the provider's options. The providers themselves tell engines
apart by the names of the file and of its inputs and outputs, so each such combination gets a directory of its own.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from attrs import frozen

from im_backend_onnx.diagnosis import warn_once
from im_backend_onnx.onnx_file import read_onnx_file
from im_backend_onnx.providers import COREML, OPENVINO, TENSORRT, Attempt, Provider
from inference_models import BaseInferenceModelsError
from inference_models.developer_tools import BackendType, backend_cache_directory

_DIRECTORY = "<directory>"


@frozen
class CachedAttempt:
    """An attempt whose providers keep what they compile.

    Attributes:
        providers: the attempt, with options for caching added.
        directories: where they keep it.
    """

    providers: Attempt
    directories: tuple[Path, ...]


def with_caches(attempt: Attempt, weights: Path, version: str) -> CachedAttempt | None:
    """Return an attempt with caching switched on for the providers that compile; None when none of them does.

    What the user says about caching in a provider's options is left alone. A cache that cannot be written to is not
    used, which is said once.

    Args:
        attempt: the providers and their options.
        weights: the network's file.
        version: of ONNX Runtime.
    """
    if not any(_groups(provider, version) for provider in attempt):
        return None
    try:
        network = _digest(weights)
        providers, directories = [], []
        for provider in attempt:
            groups = _groups(provider, version)
            if groups:
                key = _key(provider, network, version)
                directory = backend_cache_directory(BackendType.ONNX, key)
                provider = Provider(provider.name, {**provider.options, **_filled(groups, directory)})  # noqa: PLW2901
                directories.append(directory)
            providers.append(provider)
    except (BaseInferenceModelsError, OSError, ValueError) as error:
        warn_once(f"What execution providers compile is not kept, so each load compiles it anew: {error}")
        return None
    return CachedAttempt(tuple(providers), tuple(directories))


def _groups(provider: Provider, version: str) -> list[Mapping[str, str]]:
    """Return the options that switch a provider's caches on, as far as the user has not decided about them."""
    options = provider.options
    if provider.name == TENSORRT:
        engines = {"trt_engine_cache_enable": "1", "trt_engine_cache_path": _DIRECTORY}
        timings = {"trt_timing_cache_enable": "1", "trt_timing_cache_path": _DIRECTORY}
        groups = [
            (engines, ("trt_engine_cache_", "trt_dump_ep_context_model", "trt_ep_context_")),
            (timings, ("trt_timing_cache_", "trt_force_timing_cache")),
        ]
        return [group for group, decided in groups if not any(name.startswith(decided) for name in options)]
    if provider.name == OPENVINO:
        # For the CPU compiling is quick, and what is kept is as large as the weights.
        on_cpu = options.get("device_type", "CPU").upper().startswith("CPU")
        return [] if on_cpu or {"cache_dir", "load_config"} & set(options) else [{"cache_dir": _DIRECTORY}]
    # Earlier releases refuse the option.
    if provider.name == COREML and _release(version) >= (1, 21) and "ModelCacheDirectory" not in options:
        return [{"ModelCacheDirectory": _DIRECTORY}]
    return []


def _filled(groups: Iterable[Mapping[str, str]], directory: Path) -> dict[str, str]:
    return {name: str(directory) if value is _DIRECTORY else value for group in groups for name, value in group.items()}


def _key(provider: Provider, network: str, version: str) -> str:
    facts = [provider.name, version, network, *(f"{name}={value}" for name, value in sorted(provider.options.items()))]
    short = provider.name.removesuffix("ExecutionProvider").lower()
    digest = hashlib.sha256("\0".join(facts).encode()).hexdigest()
    return f"{short}-{version}-{digest[:24]}"


def _digest(weights: Path) -> str:
    """Return a hash of a network: of its file, and of those in which it keeps weights."""
    files = [weights.name, *read_onnx_file(weights).external_data]
    digest = hashlib.sha256()
    for name in files:
        with (weights.parent / name).open("rb") as file:
            digest.update(f"{name}\0{hashlib.file_digest(file, 'sha256').hexdigest()}\0".encode())
    return digest.hexdigest()


def _release(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:2])
