"""What a loaded model says about itself: which package it is, and on what it runs."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

from inference_models.entities import Quantization


@frozen(kw_only=True)
class LoadedFrom:
    """Where a model comes from and what it runs on, as `model.loaded_from` has it.

    Attributes:
        model_id: as its weights provider knows it; of a model in a directory, the path.
        provider: name of the weights provider.
        package_id: the package that was chosen. None for a directory with code of its own, as are all below that the
            code does not say.
        backend: the backend that runs it, for example "onnx".
        device: the device that it really runs on, for example "cpu" or "cuda:0", as the backend reported it while the
            model was loaded, or where the model asked no backend, as the model says itself. Several, separated by
            commas, when it is spread over them. None: nobody says.
        model_architecture: for example "yolov8".
        model_variant: for example "yolov8n"; None when the provider does not say.
        task_type: for example "object-detection".
        quantization: of the package's weights.
        runtime: what else the backend reported: execution providers, versions, threads. Empty when it reported nothing.
    """

    model_id: str
    provider: str
    package_id: str | None = None
    backend: str | None = None
    device: str | None = None
    model_architecture: str | None = None
    model_variant: str | None = None
    task_type: str | None = None
    quantization: Quantization | None = None
    runtime: Mapping[str, object] = field(factory=dict, hash=False)


def remember_source(owner: object, value: object) -> None:
    """Let `owner.loaded_from` return `value`."""
    vars(owner)["_loaded_from"] = value  # in vars(), because subclasses may be frozen


def source_of(model: object) -> LoadedFrom | None:
    """Return `loaded_from` of anything; None when it has no such thing."""
    found = getattr(model, "loaded_from", None)
    return found if isinstance(found, LoadedFrom) else None
