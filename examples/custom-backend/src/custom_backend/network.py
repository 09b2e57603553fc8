"""The network of a package: two files, one describing it and one with its weights, read by OpenVINO."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from custom_backend.detection import INSTALL
from inference_models import CorruptedModelPackageError, MissingDependencyError
from inference_models.developer_tools import find_package_file

# As `im compile` writes them, as OpenVINO's own tools do, and as Hugging Face's exporter does.
NETWORK_NAMES = ("weights.xml", "model.xml", "openvino_model.xml")
_TELEMETRY = "openvino_telemetry"


def import_openvino() -> Any:
    """Return the module openvino. Raises: MissingDependencyError."""
    try:
        with _without_telemetry():
            import openvino
    except ImportError as error:
        raise MissingDependencyError(f"openvino cannot be imported: {error}. Install it: {INSTALL}") from error
    return openvino


@contextmanager
def _without_telemetry() -> Iterator[None]:
    """Let openvino be imported as if its telemetry were not installed, for which it has a way.

    With it, the import alone writes into the user's home, forks, and reports to a server.
    """
    kept = sys.modules.get(_TELEMETRY)
    sys.modules[_TELEMETRY] = None  # type: ignore[assignment] # how Python marks what cannot be imported
    try:
        yield
    finally:
        del sys.modules[_TELEMETRY]
        if kept is not None:
            sys.modules[_TELEMETRY] = kept


def read_network(core: Any, directory: Path) -> Any:
    """Return the network of the package in `directory`, an `openvino.Model`.

    Raises:
        CorruptedModelPackageError: its files are missing, damaged, or not what their names say.
    """
    path = find_package_file(directory, NETWORK_NAMES)
    weights = path.with_suffix(".bin")
    try:
        # OpenVINO tries readers for every format that it knows on a file, whatever its name says.
        if b"<net" not in path.read_bytes()[:4096]:
            raise CorruptedModelPackageError(
                f"{path} is no network in OpenVINO's format. Compile or export the package again."
            )
        return core.read_model(path, weights) if weights.is_file() else core.read_model(path)
    except (RuntimeError, OSError) as error:
        raise CorruptedModelPackageError(
            f"{path} and {weights.name} are no complete network: {reason_of(error)}. Compile or export the package "
            f"again."
        ) from error


def reason_of(error: Exception) -> str:
    """Return what OpenVINO said, without the places in its source, on one line."""
    lines = [line.strip() for line in str(error).splitlines()]
    said = [line for line in lines if line and not line.startswith(("Exception from", "Check '"))]
    return " ".join(said).rstrip(".! ") or (lines[0] if lines else type(error).__name__)
