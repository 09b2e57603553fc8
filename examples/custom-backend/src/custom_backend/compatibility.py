"""Whether a package can run on this machine, decided before anything is downloaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custom_backend.detection import release_of
from custom_backend.devices import openvino_name, refusal
from custom_backend.manifest import BACKEND, OpenVINOPackageDetails

if TYPE_CHECKING:
    from inference_models.developer_tools import Environment, ModelPackageMetadata, Request


def check(package: ModelPackageMetadata, environment: Environment, request: Request) -> str | None:
    """Return why the package cannot run here, None when nothing speaks against it."""
    facts = environment.backend(BACKEND).facts
    return _device_reason(facts.get("devices"), request.device) or _version_reason(
        package.backend_details, facts.get("version")
    )


def _device_reason(devices: object, asked: str | None) -> str | None:
    if asked is None:
        return None
    if openvino_name(asked) is None:
        return refusal(asked)
    kind = asked.partition(":")[0]
    if isinstance(devices, list) and kind not in devices:
        return f"device {asked!r} was asked for and the installed OpenVINO is built for {', '.join(devices)}"
    return None


def _version_reason(details: object, installed: object) -> str | None:
    """A release reads what earlier ones wrote; later ones may have written operators that it does not know."""
    if not isinstance(details, OpenVINOPackageDetails) or not isinstance(installed, str):
        return None
    if release_of(details.openvino_version) <= release_of(installed):
        return None
    return (
        f"it was made by OpenVINO {details.openvino_version} and {installed} is installed: update openvino, or compile "
        f"the package again"
    )
