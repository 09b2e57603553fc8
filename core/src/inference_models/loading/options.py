"""What `AutoModel.from_pretrained` takes, in one value that travels along the way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from attrs import field, fields, frozen

from inference_models.errors import InvalidParameterError
from inference_models.policy import current_policy

if TYPE_CHECKING:
    from inference_models.catalog import Catalog
    from inference_models.negotiation import Request
    from inference_models.store import AutoResolutionCache


def _by_dependency(value: object) -> Mapping[str, Mapping[str, Any]]:
    """Return what `dependency_models_params` says; what is wrong with it is named, but not shown: it may hold keys."""
    if value is None:
        return {}
    takes = (
        "dependency_models_params= takes a mapping from names of dependencies to arguments of from_pretrained by name"
    )
    if not isinstance(value, Mapping):
        raise InvalidParameterError(f"{takes}, not {type(value).__name__!r}.")
    for name, arguments in value.items():
        if not isinstance(name, str):
            raise InvalidParameterError(f"{takes}; {name!r} is no name.")
        if not isinstance(arguments, Mapping) or not all(isinstance(one, str) for one in arguments):
            raise InvalidParameterError(f"{takes}; what it has for {name!r} is no mapping from names to values.")
    return dict(value)


@frozen(kw_only=True)
class LoadOptions:
    """What `AutoModel.from_pretrained` takes besides the id, see there; `extra` is for backends and models."""

    weights_provider: str | None = None
    api_key: str | None = field(default=None, repr=False)
    model_package_id: str | None = None
    backend: str | Iterable[str] | None = None
    batch_size: int | tuple[int, int] | None = None
    quantization: Any = None
    device: object = None
    nms_fusion_preferences: bool | Mapping[str, Any] | None = None
    allow_untrusted_packages: bool = False
    allow_local_code_packages: bool = False
    allow_direct_local_storage_loading: bool = True
    allow_loading_dependency_models: bool = True
    dependency_models_params: Mapping[str, Mapping[str, Any]] = field(factory=dict, converter=_by_dependency)
    download_files_without_hash: bool = False
    use_auto_resolution_cache: bool = True
    auto_resolution_cache: AutoResolutionCache | None = None
    max_package_loading_attempts: int | None = None
    weights_provider_extra_query_params: Sequence[tuple[str, str]] | None = field(default=None, repr=False)
    weights_provider_extra_headers: Mapping[str, str] | None = field(default=None, repr=False)
    verbose: bool = False
    extra: Mapping[str, Any] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        for attribute in fields(type(self)):
            value = getattr(self, attribute.name)
            # Text such as "false", from a configuration file, must not switch on what lets strangers' code run.
            if attribute.type == "bool" and not isinstance(value, bool):
                raise InvalidParameterError(f"{attribute.name}= takes True or False, not {value!r}.")
        current_policy().refuse_arguments(
            allow_untrusted_packages=self.allow_untrusted_packages,
            allow_local_code_packages=self.allow_local_code_packages,
            download_files_without_hash=self.download_files_without_hash,
        )

    @classmethod
    def from_keywords(cls, keywords: Mapping[str, Any]) -> LoadOptions:
        """Return options for keywords of `from_pretrained`; those it does not name are `extra`."""
        own = {name: value for name, value in keywords.items() if name in OPTION_NAMES}
        return cls(**own, extra={name: value for name, value in keywords.items() if name not in OPTION_NAMES})

    @property
    def provider_options(self) -> dict[str, Any]:
        """What is passed on to the weights provider, if anything was given."""
        given = {
            "weights_provider_extra_query_params": self.weights_provider_extra_query_params,
            "weights_provider_extra_headers": self.weights_provider_extra_headers,
        }
        return {name: value for name, value in given.items() if value is not None}

    def make_request(self, catalog: Catalog) -> Request:
        """Return what is asked of negotiation. Raises: InvalidParameterError and its kin."""
        from inference_models.negotiation import make_request

        backends = [row.spec for row in catalog.backends()]
        for_sessions = {name for spec in backends for name in spec.session_options}
        return make_request(
            known_backends=[spec.name for spec in backends],
            model_package_id=self.model_package_id,
            backend=self.backend,
            batch_size=self.batch_size,
            quantization=self.quantization,
            device=self.device,
            nms_fusion_preferences=self.nms_fusion_preferences,
            allow_untrusted_packages=self.allow_untrusted_packages,
            download_files_without_hash=self.download_files_without_hash,
            options={name: value for name, value in self.extra.items() if name in for_sessions},
        )


OPTION_NAMES = frozenset(attribute.name for attribute in fields(LoadOptions)) - {"extra"}


def one_spelling(thing: str, **spellings: Any) -> Any:
    """Return the one argument that was given of several names for the same.

    Args:
        thing: what it is, for the message.
        **spellings: what was given, by name, the preferred one first; None where nothing was.

    Raises:
        InvalidParameterError: none was given, or more than one.
    """
    given = [value for value in spellings.values() if value is not None]
    if len(given) == 1:
        return given[0]
    first, *others = (f"{name}=" for name in spellings)
    raise InvalidParameterError(
        f"Name one {thing} with {first} (or {', '.join(others)}, the same); got {'both' if given else 'neither'}."
    )
