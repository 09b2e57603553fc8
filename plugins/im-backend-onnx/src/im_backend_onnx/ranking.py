"""Which of two ONNX packages that can both run here is the better one."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from inference_models.developer_tools import BackendType, ONNXPackageDetails

if TYPE_CHECKING:
    from inference_models.developer_tools import Environment, ModelPackageMetadata, Request


def rank(package: ModelPackageMetadata, environment: Environment, request: Request) -> tuple[int, int]:
    """Return a key, smaller is better: the newer operator set, then fewer execution providers that cannot be used.

    Only providers that the installed ONNX Runtime has count. A package that does not state its operator set
    comes after those that do.
    """
    details = package.backend_details
    if not isinstance(details, ONNXPackageDetails):
        return 0, 0
    available = environment.backend(BackendType.ONNX).facts.get("execution_providers")
    present = available if isinstance(available, Collection) else ()
    return -details.opset, sum(provider in present for provider in set(details.incompatible_providers))
