"""Weights providers that a program makes known to its own process, beside those that plugins declare."""

from __future__ import annotations

import re
from collections import UserDict
from collections.abc import Callable
from typing import TypeAlias

from inference_models.catalog import Catalog
from inference_models.configuration import DISABLE_PLUGINS
from inference_models.distributions import canonical_name
from inference_models.entities import RESERVED_PROVIDERS
from inference_models.errors import InvalidParameterError, PluginConflictError
from inference_models.metadata import ModelMetadata

__all__ = ["PROVIDER_NAME", "WEIGHTS_PROVIDERS", "ProviderHandler", "refuse_second", "register_model_provider"]

PROVIDER_NAME = r"[A-Za-z0-9][A-Za-z0-9._+-]*"
"""What a provider's name looks like, as a regular expression."""

ProviderHandler: TypeAlias = Callable[..., ModelMetadata]
"""`(model_id, api_key) -> ModelMetadata`; it may accept more options by name."""


class _ProviderTable(UserDict[str, ProviderHandler]):
    """Providers registered at run time, in whichever spelling. Checks names and handlers however they are added."""

    def __setitem__(self, name: str, handler: ProviderHandler) -> None:
        if not isinstance(name, str) or not re.fullmatch(PROVIDER_NAME, name):
            raise InvalidParameterError(
                f"A weights provider's name is letters, digits and any of ._+- (it is written as name://model-id), "
                f"not {name!r}."
            )
        if canonical_name(name) in RESERVED_PROVIDERS:
            raise InvalidParameterError(f"The weights provider name {name!r} is reserved. Choose another.")
        if not callable(handler):
            raise InvalidParameterError(
                f"The handler of weights provider {name!r} must be callable as handler(model_id, api_key), "
                f"not {type(handler).__name__!r}."
            )
        super().__setitem__(canonical_name(name), handler)

    def __getitem__(self, name: str) -> ProviderHandler:
        return super().__getitem__(canonical_name(name))

    def __delitem__(self, name: str) -> None:
        super().__delitem__(canonical_name(name))

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and super().__contains__(canonical_name(name))


WEIGHTS_PROVIDERS = _ProviderTable()
"""Providers registered in this process. Those that plugins declare need no registration."""


def register_model_provider(provider_name: str, provider_handler: ProviderHandler) -> None:
    """Make a weights provider known to this process; a second registration replaces the first.

    Args:
        provider_name: what users write in `name://model-id` or `weights_provider=`.
        provider_handler: `(model_id, api_key) -> ModelMetadata`.

    A name that an installed plugin declares, too, is a PluginConflictError for whoever asks for it.

    Raises:
        InvalidParameterError: the name is reserved or malformed, or the handler is not callable.
    """
    WEIGHTS_PROVIDERS[provider_name] = provider_handler


def refuse_second(name: str, catalog: Catalog) -> None:
    """Refuse the provider that is registered as `name` when a plugin declares one of this name, too.

    Raises:
        PluginConflictError: with the plugin, and the ways out.
    """
    plugins = [str(row.plugin) for row in catalog.providers() if canonical_name(row.spec.name) == canonical_name(name)]
    if plugins:
        raise PluginConflictError(
            f"The weights provider {name!r} is declared by {' and '.join(plugins)}, and this process has registered "
            f"another one of that name (register_model_provider). Register it under another name, or switch the plugin "
            f"off with {DISABLE_PLUGINS.name}."
        )
