"""Tells a model where it was loaded from and what it runs on, so that it can say so."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from inference_models.loading.handover import BoundBackend, stated

if TYPE_CHECKING:
    from inference_models.loading.metadata import FoundModel
    from inference_models.models.loaded_from import LoadedFrom


def tell_package(model: Any, found: FoundModel, bound: BoundBackend) -> None:
    """Let `model.loaded_from` say which package it is and what its backend reported while it was loaded."""
    from inference_models.models.loaded_from import LoadedFrom

    metadata, package = found.metadata, bound.package
    devices = dict.fromkeys(report.device for report in bound.reports if report.device is not None)
    runtime = {name: value for report in reversed(bound.reports) for name, value in report.runtime.items()}
    _tell(
        model,
        LoadedFrom(
            model_id=metadata.model_id,
            provider=found.provider,
            package_id=package.package_id,
            backend=package.backend,
            device=", ".join(devices) or _own_device(model),
            model_architecture=metadata.model_architecture,
            model_variant=metadata.model_variant,
            task_type=metadata.task_type,
            quantization=package.quantization,
            runtime=runtime,
        ),
    )


def tell_directory(model: Any, directory: Path, provider: str) -> None:
    """Let `model.loaded_from` say which directory with code of its own it comes from."""
    from inference_models.models.loaded_from import LoadedFrom

    _tell(model, LoadedFrom(model_id=str(directory), provider=provider, device=_own_device(model)))


def _tell(model: Any, source: LoadedFrom) -> None:
    from inference_models.models import Model
    from inference_models.models.loaded_from import remember_source

    if isinstance(model, Model):  # what is no model of ours is left as it is
        remember_source(model, source)


def _own_device(model: Any) -> str | None:
    device = stated(model, "device")
    is_device = isinstance(device, str) or type(device).__name__ == "device"  # torch's, which we do not import
    return str(device) if is_device else None
