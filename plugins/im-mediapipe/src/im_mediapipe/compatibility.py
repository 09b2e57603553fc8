"""Whether a MediaPipe package can run on this machine, decided before anything is downloaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inference_models.developer_tools import Environment, ModelPackageMetadata, Request


def check(package: ModelPackageMetadata, environment: Environment, request: Request) -> str | None:
    """Return why the package cannot run here, None when nothing speaks against it."""
    if request.device is not None and request.device != "cpu":
        return f"device {request.device!r} was asked for, and this plugin runs MediaPipe on the CPU only"
    return None
