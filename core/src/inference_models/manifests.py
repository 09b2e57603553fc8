"""Reading the manifest of a package, which a backend's plugin parses: each field checked, each error with its name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeGuard

from attrs import frozen

from inference_models.entities import Quantization
from inference_models.errors import CorruptedModelPackageError, UnknownQuantizationError
from inference_models.metadata import parse_quantization

__all__ = ["ManifestFields"]


@frozen
class ManifestFields:
    """The fields of a manifest, or of an object in one. What is asked for must have the right type.

    Attributes:
        fields: as they were read from JSON.
        what: begins the messages, for example "ONNX package manifest".
    """

    fields: Mapping[str, Any]
    what: str = "Package manifest"

    def get(self, field: str) -> Any:
        """Return a field as it stands there; None where it is missing."""
        return self.fields.get(field)

    def wrong(self, field: str, expected: str) -> CorruptedModelPackageError:
        """Return the error about a field that is not `expected`."""
        got = repr(self.fields[field]) if field in self.fields else "nothing"
        return CorruptedModelPackageError(
            f"{self.what}, field {field!r}: expected {expected}, got {got}. Whoever published the package must "
            f"correct it."
        )

    def require_backend(self, name: str, *others: str) -> None:
        """Raise CorruptedModelPackageError unless "backendType" is one of these names."""
        if self.get("backendType") not in (name, *others):
            raise self.wrong("backendType", repr(str(name)))

    def quantization(self) -> Quantization:
        """Return "quantization". Raises: CorruptedModelPackageError when it is missing or none that is known."""
        value = self.get("quantization")
        if not isinstance(value, str):
            raise self.wrong("quantization", "the name of one")
        try:
            return parse_quantization(value)
        except UnknownQuantizationError:
            raise self.wrong("quantization", f"one of {', '.join(Quantization)}") from None

    def count(self, field: str, reason: str = "") -> int:
        """Return a whole number above 0.

        Args:
            field: its name.
            reason: why it must be there, for the message, for example ", as dynamicBatchSize is false".

        Raises:
            CorruptedModelPackageError: it is missing, or something else.
        """
        value = self.get(field)
        if not _is_count(value):
            raise self.wrong(field, f"a whole number above 0{reason}")
        return value

    def static_batch_size(self) -> int | None:
        """Return "staticBatchSize", the one batch size that runs; None where "dynamicBatchSize" says that any does.

        Raises:
            CorruptedModelPackageError: one of the two is missing or of a wrong type, or they contradict each other.
        """
        dynamic = self.get("dynamicBatchSize")
        if not isinstance(dynamic, bool):
            raise self.wrong("dynamicBatchSize", "true or false")
        if not dynamic:
            return self.count("staticBatchSize", ", as dynamicBatchSize is false")
        if self.get("staticBatchSize") is not None:
            raise self.wrong("staticBatchSize", "nothing, as dynamicBatchSize is true")
        return None


def _is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0
