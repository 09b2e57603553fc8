"""What a weights provider says about a model: its packages, their files, and what they need."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from attrs import field, frozen
from attrs.converters import optional as optional_converter
from attrs.validators import and_, deep_iterable, ge, instance_of, min_len, optional

from inference_models.entities import Quantization
from inference_models.errors import CorruptedModelPackageError, UnknownQuantizationError, redact_url
from inference_models.stated import stated


def parse_quantization(value: str | Quantization) -> Quantization:
    """Return the quantization named `value`, in any case. Raises: UnknownQuantizationError."""
    try:
        return Quantization(str(value).lower())
    except ValueError:
        known = ", ".join(Quantization)
        raise UnknownQuantizationError(f"Unknown quantization {value!r}. Known: {known}.") from None


def _to_tuple(value: Iterable[Any] | None) -> tuple[Any, ...]:
    return tuple(value or ())


def _to_dict(value: Mapping[str, Any] | None) -> dict[str, Any]:
    return dict(value or {})


def _to_quantization(value: str | Quantization | None) -> Quantization:
    return Quantization.UNKNOWN if value is None else parse_quantization(value)


_NAME = and_(instance_of(str), min_len(1))
_COUNT = optional(and_(instance_of(int), ge(1)))


@frozen
class FileDownloadSpecs:
    """One file of a package and where it comes from.

    Attributes:
        download_url: http or https. It may carry a signature, so it never shows in a repr, log or error.
        file_handle: the file's name inside the package, with `/` between folders.
        md5_hash: 32 hex digits as the provider states them; None when it states none.
        sha256_hash: 64 hex digits, likewise.
        size: in bytes, likewise.
        headers: sent with requests for this file, to the origin of `download_url` only; they may hold a
            credential, so they never show either.
        refresh: returns the same file with a fresh address and headers; asked when the server refuses
            the old ones (401, 403, 410), as it does when a signed address has expired, and again only after something
            has come since.
    """

    download_url: str = field(validator=_NAME, repr=redact_url)
    file_handle: str = field(validator=_NAME)
    md5_hash: str | None = field(default=None, validator=optional(instance_of(str)))
    sha256_hash: str | None = field(default=None, validator=optional(instance_of(str)), kw_only=True)
    size: int | None = field(default=None, validator=optional(and_(instance_of(int), ge(0))), kw_only=True)
    headers: Mapping[str, str] = field(factory=dict, repr=False, kw_only=True)
    refresh: Callable[[], FileDownloadSpecs] | None = field(default=None, repr=False, eq=False, kw_only=True)

    @property
    def has_hash(self) -> bool:
        """Whether the provider states a hash that would prove what the file is."""
        return self.md5_hash is not None or self.sha256_hash is not None


@frozen
class ONNXPackageDetails:
    """What an ONNX package needs.

    Attributes:
        opset: the ONNX operator set that the network was exported with.
        incompatible_providers: ONNX Runtime execution providers known not to run it.
    """

    opset: int = field(validator=[instance_of(int), ge(1)])
    incompatible_providers: tuple[str, ...] = field(default=(), converter=_to_tuple)


def _to_device_types(value: Iterable[str]) -> frozenset[str]:
    return frozenset(value)


@frozen
class TorchScriptPackageDetails:
    """What a TorchScript package needs.

    Attributes:
        supported_device_types: kinds of device that it runs on, such as "cpu" and "cuda": devices are written into an
            archive when it is made.
        torch_version: the oldest PyTorch that runs it, for example "2.6.0".
        torch_vision_version: the oldest torchvision, when it uses torchvision's operators; None: it uses none.
    """

    supported_device_types: frozenset[str] = field(
        converter=_to_device_types, validator=deep_iterable(and_(instance_of(str), min_len(1)))
    )
    torch_version: str = field(validator=_NAME)
    torch_vision_version: str | None = field(default=None, validator=optional(_NAME))


def _to_threshold(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 <= value <= 1.0:
        raise CorruptedModelPackageError(f"A recommended confidence is a number from 0 to 1, not {value!r}.")
    return float(value)


def _to_thresholds(value: object) -> Mapping[str, float]:
    if not isinstance(value, Mapping):
        raise CorruptedModelPackageError(f"Recommended confidences per class are an object, not {value!r}.")
    return {str(name): _to_threshold(threshold) for name, threshold in value.items()}


@frozen
class RecommendedParameters:
    """Thresholds that whoever trained the model recommends.

    Attributes:
        confidence: one threshold for all classes, in [0, 1].
        per_class_confidence: a threshold for single classes, by class name.
    """

    confidence: float | None = field(default=None, converter=optional_converter(_to_threshold))
    per_class_confidence: Mapping[str, float] | None = field(default=None, converter=optional_converter(_to_thresholds))


@frozen
class ModelDependency:
    """Another model that a model needs, handed to it under `name`."""

    name: str = field(validator=_NAME)
    model_id: str = field(validator=_NAME)
    model_package_id: str | None = None


# Named functions and not `tuple` itself: a generic class as converter leaves type checkers without an element type.
def _as_files(value: Iterable[FileDownloadSpecs]) -> tuple[FileDownloadSpecs, ...]:
    return tuple(value)


def _as_packages(value: Iterable[ModelPackageMetadata]) -> tuple[ModelPackageMetadata, ...]:
    return tuple(value)


@frozen
class ModelPackageMetadata:
    """One exported form of a model.

    Attributes:
        package_id: unique within the model.
        backend: the backend that executes it, for example "onnx".
        package_artefacts: the files to fetch. Empty when `directory` is given.
        quantization: numeric type of the weights.
        dynamic_batch_size_supported: whether any batch size runs; None when the provider does not say.
        static_batch_size: the one batch size that runs, when it is fixed.
        min_dynamic_batch_size: of a dynamic batch size, the smallest that runs; None: 1.
        max_dynamic_batch_size: likewise the largest; None: no limit is known.
        trusted_source: the provider vouches for the files, so programs among them (pickles, engines) may load.
        model_features: properties of the export that an implementation must support, by name.
        backend_details: what only the backend's own plugin understands, for example `ONNXPackageDetails`.
        recommended_parameters: override those of the model.
        directory: where the files already lie (inside a wheel, on a mounted share), or the one file that the package
            is (a training checkpoint). They are used in place.
        weights_license: the licence of the weights, an SPDX expression such as "Apache-2.0" or "LicenseRef-Acme".
        source: where the weights come from: an address, or words.
        version: of the weights, as whoever publishes them counts.
        manifest: what `backend_details` and the like were read from, as the provider sent it, with its "type". The
            store keeps it, so that the backend's own parser can read it again without a network.
    """

    package_id: str = field(validator=_NAME)
    backend: str = field(validator=_NAME, converter=str)
    package_artefacts: tuple[FileDownloadSpecs, ...] = field(
        default=(), converter=_as_files, validator=deep_iterable(instance_of(FileDownloadSpecs))
    )
    quantization: Quantization = field(default=Quantization.UNKNOWN, converter=_to_quantization)
    dynamic_batch_size_supported: bool | None = stated(bool)
    static_batch_size: int | None = stated(int)
    trusted_source: bool = field(default=False, validator=instance_of(bool))
    model_features: Mapping[str, Any] = field(factory=dict, converter=_to_dict)
    backend_details: object | None = None
    recommended_parameters: RecommendedParameters | None = None
    directory: Path | None = field(default=None, validator=optional(instance_of(Path)))
    manifest: Mapping[str, Any] | None = field(default=None, repr=False, kw_only=True)
    min_dynamic_batch_size: int | None = stated(int, kw_only=True)
    max_dynamic_batch_size: int | None = stated(int, kw_only=True)
    weights_license: str | None = stated(str, "weights licence", kw_only=True)
    source: str | None = stated(str, "source", kw_only=True)
    version: str | None = stated(str, "version", kw_only=True)

    def __attrs_post_init__(self) -> None:
        if not self.package_artefacts and self.directory is None:
            raise CorruptedModelPackageError(
                f"Model package {self.package_id!r} names no files: its provider must give either "
                f"package_artefacts or a directory."
            )
        smallest, largest = self.min_dynamic_batch_size, self.max_dynamic_batch_size
        if smallest is None and largest is None:
            return
        if not self.dynamic_batch_size_supported or self.static_batch_size is not None:
            raise CorruptedModelPackageError(
                f"Model package {self.package_id!r} limits a dynamic batch size ({smallest} to {largest}) and does not "
                f"say that it has one: its provider must correct it."
            )
        if smallest is not None and largest is not None and smallest > largest:
            raise CorruptedModelPackageError(
                f"Model package {self.package_id!r} takes batches of {smallest} to {largest}, which is no range: its "
                f"provider must correct it."
            )

    @property
    def batch_summary(self) -> str:
        """The batch size in words: a number when fixed, "N" for any, "1-16", "4-N", "?" when nothing is stated."""
        if self.static_batch_size is not None:
            return str(self.static_batch_size)
        if not self.dynamic_batch_size_supported:
            return "?"
        if self.min_dynamic_batch_size is None and self.max_dynamic_batch_size is None:
            return "N"
        return f"{self.min_dynamic_batch_size or 1}-{self.max_dynamic_batch_size or 'N'}"


@frozen
class UnreadablePackage:
    """A package that the provider lists and that cannot be understood. It is never loaded, and never hidden.

    Attributes:
        package_id: as far as it could be read.
        reason: what is wrong with it, or unknown about it.
        backend: as far as it could be read.
    """

    package_id: str = field(validator=_NAME)
    reason: str = field(validator=_NAME)
    backend: str = "unknown"
    quantization: Quantization = field(default=Quantization.UNKNOWN, init=False)
    batch_summary: str = field(default="?", init=False)


@frozen
class ModelMetadata:
    """A model as its weights provider describes it.

    Attributes:
        model_id: as the provider knows it; may differ from the id that was asked for (an alias).
        model_architecture: the family, for example "yolov8".
        model_packages: every exported form.
        task_type: for example "object-detection"; None when the family has only one.
        model_variant: for example "yolov8n".
        model_dependencies: other models that it needs.
        recommended_parameters: thresholds recommended for all packages.
        unreadable_packages: listed by the provider, but malformed or of a kind that nothing installed reads.
    """

    model_id: str = field(validator=_NAME)
    model_architecture: str = field(validator=_NAME)
    model_packages: tuple[ModelPackageMetadata, ...] = field(
        converter=_as_packages, validator=deep_iterable(instance_of(ModelPackageMetadata))
    )
    task_type: str | None = field(default=None, validator=optional(instance_of(str)))
    model_variant: str | None = field(default=None, validator=optional(instance_of(str)))
    model_dependencies: tuple[ModelDependency, ...] = field(default=(), converter=_to_tuple)
    recommended_parameters: RecommendedParameters | None = None
    unreadable_packages: tuple[UnreadablePackage, ...] = field(
        default=(), converter=_to_tuple, validator=deep_iterable(instance_of(UnreadablePackage))
    )

    def package_ids(self) -> Iterable[str]:
        """Return the ids of all packages, in the provider's order, unreadable ones last."""
        readable = [package.package_id for package in self.model_packages]
        return [*readable, *(package.package_id for package in self.unreadable_packages)]
