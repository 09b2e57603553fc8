"""The options of `AutoModel.from_pretrained` that this backend takes, checked before anything is chosen or opened."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from im_backend_onnx.providers import parse_providers, refuse_unknown
from im_backend_onnx.threads import check_threads
from inference_models import InvalidParameterError
from inference_models.developer_tools import BackendType

if TYPE_CHECKING:
    from inference_models.developer_tools import ArrayKind, Environment

SESSION_OPTIONS = ("onnx_array_kind", "onnx_execution_providers", "onnx_threads")


def check_options(options: Mapping[str, Any], environment: Environment) -> None:
    """Raise InvalidParameterError for a value that makes no sense, whatever package it is for."""
    parse_array_kind(options.get("onnx_array_kind"))
    check_threads(options.get("onnx_threads"))
    requested = parse_providers(options.get("onnx_execution_providers"))
    available = environment.backend(BackendType.ONNX).facts.get("execution_providers")
    refuse_unknown(requested, available if isinstance(available, Collection) else ())


def parse_array_kind(value: object) -> ArrayKind | None:
    """Return the value of `onnx_array_kind=`, None for none. Raises: InvalidParameterError."""
    if value is None:
        return None
    if value == "torch":
        return "torch"
    if value == "numpy":
        return "numpy"
    raise InvalidParameterError(f"onnx_array_kind= takes 'torch' or 'numpy', not {value!r}.")
