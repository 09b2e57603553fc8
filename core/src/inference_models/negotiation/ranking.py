"""Which of the usable packages is best: one sort key, smallest first, and total."""

from __future__ import annotations

from inference_models.entities import Quantization
from inference_models.metadata import ModelPackageMetadata
from inference_models.negotiation.filters import Context

_QUANTIZATIONS = (Quantization.INT8, Quantization.FP16, Quantization.FP32, Quantization.UNKNOWN, Quantization.BF16)


def sort_key(package: ModelPackageMetadata, context: Context) -> tuple[object, ...]:
    """Return the key by which usable packages are ordered, the best first.

    In turn: the order in which backends were asked for, the default order, the backend's priority, the
    faster quantization, trusted, any batch size before a fixed one, the smaller fixed one. The id comes
    last, so the order never depends on the order of the input.
    """
    name = package.backend.lower()
    return (
        _position(name, context.request.backends or ()),
        _position(name, context.request.backend_order),
        -context.catalog.backend(name).spec.priority,
        _QUANTIZATIONS.index(package.quantization),
        not package.trusted_source,
        package.static_batch_size is not None,
        package.static_batch_size or 0,
        package.package_id,
    )


def _position(name: str, order: tuple[str, ...]) -> int:
    return order.index(name) if name in order else len(order)
