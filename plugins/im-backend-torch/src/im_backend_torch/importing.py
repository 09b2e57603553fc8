"""The one place where torch is imported by name."""

from __future__ import annotations

from typing import Any

from im_backend_torch.detection import INSTALL
from inference_models import MissingDependencyError


def import_torch() -> Any:
    """Return the module torch. Raises: MissingDependencyError."""
    try:
        import torch
    except ImportError as error:
        raise MissingDependencyError(f"torch cannot be imported: {error}. Install it: {INSTALL}") from error
    return torch
