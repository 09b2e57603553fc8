"""What the caller of `AutoModel.from_pretrained` asked for, checked and in one shape."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from attrs import field, frozen

from inference_models.configuration import BACKEND_ORDER, DEFAULT_DEVICE
from inference_models.distributions import canonical_name
from inference_models.entities import BackendType, Quantization
from inference_models.errors import (
    InvalidParameterError,
    InvalidRequestedBatchSizeError,
    UnknownBackendTypeError,
    describe_choices,
)
from inference_models.metadata import parse_quantization
from inference_models.negotiation.nms_fusion import Preferences, parse_preferences
from inference_models.parsing import parse_device


def _read_only(value: Mapping[str, Any]) -> Mapping[str, Any]:
    return MappingProxyType(dict(value))


@frozen(kw_only=True)
class Request:
    """What was asked for. None everywhere: the best there is.

    Attributes:
        model_package_id: this package and no other.
        backends: only these, in this order of preference, as names are compared: "torch-script".
        backend_order: the default order in force, likewise; backends that it does not name follow by priority.
        batch_size: (smallest, largest) number of images per run that the package must take.
        quantizations: only these.
        device: "cpu", "cuda", "cuda:1", ...; None leaves the choice to the backend.
        allow_untrusted_packages: also packages that their provider does not vouch for.
        download_files_without_hash: also packages that are to be fetched and whose provider states no hash of a file.
        nms_fusion_preferences: by setting, what is wanted of networks that end in non-maximum suppression;
            None: no such network.
        options: what was given for the backends, for example `onnx_execution_providers`.
    """

    model_package_id: str | None = None
    backends: tuple[str, ...] | None = None
    backend_order: tuple[str, ...] = ()
    batch_size: tuple[int, int] | None = None
    quantizations: frozenset[Quantization] | None = None
    device: str | None = None
    allow_untrusted_packages: bool = False
    download_files_without_hash: bool = False
    nms_fusion_preferences: Preferences | None = field(default=None, converter=parse_preferences)
    options: Mapping[str, Any] = field(factory=dict, converter=_read_only)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON. `options` are left out: they are the backends' and may hold secrets."""
        wanted = self.nms_fusion_preferences
        return {
            "model_package_id": self.model_package_id,
            "backends": None if self.backends is None else list(self.backends),
            "backend_order": list(self.backend_order),
            "batch_size": None if self.batch_size is None else list(self.batch_size),
            "quantizations": None if self.quantizations is None else sorted(self.quantizations),
            "device": self.device,
            "allow_untrusted_packages": self.allow_untrusted_packages,
            "download_files_without_hash": self.download_files_without_hash,
            "nms_fusion_preferences": None
            if wanted is None
            else {name: value if isinstance(value, bool) else list(value) for name, value in wanted.items()},
        }


def make_request(
    *,
    known_backends: Iterable[str] = (),
    model_package_id: str | None = None,
    backend: str | Iterable[str] | None = None,
    batch_size: int | tuple[int, int] | None = None,
    quantization: str | Quantization | Iterable[str | Quantization] | None = None,
    device: object = None,
    allow_untrusted_packages: bool = False,
    download_files_without_hash: bool = False,
    nms_fusion_preferences: bool | Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
) -> Request:
    """Check the arguments of `AutoModel.from_pretrained` and return them as a request.

    Args:
        known_backends: what the installed plugins declare; a name outside them and the well-known ones is
            a mistake, a well-known one without a plugin is explained by the verdicts.
        model_package_id: see `Request`.
        backend: one name or several in order of preference.
        batch_size: a number, or (smallest, largest).
        quantization: one or several.
        device: a name, or an object whose text is one, such as `torch.device("cuda")`.
        allow_untrusted_packages: see `Request`.
        download_files_without_hash: see `Request`.
        nms_fusion_preferences: None and False: no network that ends in non-maximum suppression. True: also
            those with the usual settings (`max_detections` 300, `confidence_threshold` 0.25, `iou_threshold`
            0.7, `class_agnostic` False). An object with some of these settings: also those that have them;
            numbers may be given as (smallest, largest).
        options: see `Request`.

    Raises:
        UnknownBackendTypeError, UnknownQuantizationError, InvalidRequestedBatchSizeError,
        InvalidParameterError: an argument makes no sense.
    """
    wanted = _listed("backend", backend)
    names = {canonical_name(name) for name in (*known_backends, *BackendType)}
    for name in wanted or ():
        if canonical_name(name) not in names:
            raise UnknownBackendTypeError(
                f"Unknown backend {name!r}. {describe_choices(name, sorted(names))} A backend that a plugin "
                f"brings is known once the plugin is installed."
            )
    quantizations = _listed("quantization", quantization)
    return Request(
        model_package_id=_text("model_package_id", model_package_id),
        backends=None if wanted is None else tuple(dict.fromkeys(map(canonical_name, wanted))),
        backend_order=tuple(map(canonical_name, BACKEND_ORDER.get())),
        batch_size=_batch_range(batch_size),
        quantizations=None if quantizations is None else frozenset(map(parse_quantization, quantizations)),
        device=_device(device) or DEFAULT_DEVICE.get(),
        allow_untrusted_packages=allow_untrusted_packages,
        download_files_without_hash=download_files_without_hash,
        nms_fusion_preferences=nms_fusion_preferences,
        options=options or {},
    )


def _listed(parameter: str, value: str | Iterable[str] | None) -> list[str] | None:
    if value is None:
        return None
    names = [value] if isinstance(value, str) else list(value) if isinstance(value, Iterable) else []
    if not names or not all(isinstance(name, str) for name in names):
        raise InvalidParameterError(f"{parameter}= takes a name or a list of names, not {value!r}.")
    return [str(name) for name in names]


def _text(parameter: str, value: object) -> str | None:
    if value is not None and (not isinstance(value, str) or not value):
        raise InvalidParameterError(f"{parameter}= takes a non-empty string, not {value!r}.")
    return value


def _device(device: object) -> str | None:
    if device is None:
        return None
    try:
        return parse_device(str(device))
    except ValueError as error:
        raise InvalidParameterError(f"device= takes {error}, not {device!r}.") from None


def _batch_range(batch_size: int | tuple[int, int] | None) -> tuple[int, int] | None:
    if batch_size is None:
        return None
    bounds = (batch_size, batch_size) if isinstance(batch_size, int) else batch_size
    if (
        isinstance(batch_size, bool)
        or not isinstance(bounds, tuple)
        or len(bounds) != 2
        or not all(isinstance(bound, int) and not isinstance(bound, bool) for bound in bounds)
        or not 1 <= bounds[0] <= bounds[1]
    ):
        raise InvalidRequestedBatchSizeError(
            f"batch_size= takes a number of at least 1, or a tuple (smallest, largest), not {batch_size!r}."
        )
    return bounds
