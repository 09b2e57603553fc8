"""From the string that a user writes to a source: a path on this machine, or an id of which provider."""

from __future__ import annotations

import os
import re
from pathlib import Path

from attrs import frozen

from inference_models.distributions import canonical_name
from inference_models.entities import DEFAULT_PROVIDER, LOCAL_PROVIDER
from inference_models.errors import InvalidParameterError
from inference_models.weights_providers.registered import PROVIDER_NAME

__all__ = ["ModelSource", "check_provider_name", "find_source"]

_SCHEME = re.compile(rf"(?P<provider>{PROVIDER_NAME})://(?P<model_id>.*)", re.DOTALL)
_HAS_DRIVE = re.compile(r"[A-Za-z]:[\\/]")


@frozen
class ModelSource:
    """Where a model is to be asked for: the provider's canonical name, and the id as that provider knows it."""

    provider: str
    model_id: str

    @property
    def is_local(self) -> bool:
        """Whether this is a directory on this machine."""
        return self.provider == LOCAL_PROVIDER

    def __str__(self) -> str:
        return self.model_id if self.is_local else f"{self.provider}://{self.model_id}"


def find_source(model_id_or_path: str | os.PathLike[str], weights_provider: str | None = None) -> ModelSource:
    """Decide whether a string is a local path or an id, and of which provider.

    A path is absolute, starts with `.` or `~`, or is a `Path`; anything else is an id, whatever lies in
    the current directory, so that nobody's folder can take a model's place.

    Raises:
        InvalidParameterError: it is neither, or contradicts `weights_provider`.
    """
    wanted = None
    if weights_provider is not None:
        check_provider_name(weights_provider)
        wanted = _spelt(weights_provider)
    if isinstance(model_id_or_path, os.PathLike):
        return _local_source(Path(model_id_or_path))
    text = model_id_or_path
    if not isinstance(text, str) or not text.strip() or "\0" in text:
        raise InvalidParameterError(f"A model is named by a non-empty string or a path, not {text!r}.")
    if wanted == LOCAL_PROVIDER or Path(text).is_absolute() or text[0] in ".~" or _HAS_DRIVE.match(text):
        return _local_source(Path(text))
    match = _SCHEME.fullmatch(text)
    if match is None:
        return ModelSource(wanted or DEFAULT_PROVIDER, text)
    provider, model_id = _spelt(match["provider"]), match["model_id"]
    if not model_id:
        raise InvalidParameterError(f"{text!r} names no model: write {provider}://model-id.")
    if wanted not in {None, provider}:
        raise InvalidParameterError(
            f"{text!r} names the weights provider {provider!r}, but weights_provider={weights_provider!r} was given "
            f"too. Give one of them."
        )
    return ModelSource(provider, model_id)


def check_provider_name(weights_provider: object) -> None:
    """Refuse what cannot be a provider's name. Raises: InvalidParameterError."""
    if not isinstance(weights_provider, str) or not weights_provider:
        raise InvalidParameterError(f"weights_provider= takes the name of one, not {weights_provider!r}.")


def _spelt(name: str) -> str:
    """Return the one spelling of a provider's name.

    Providers are looked up by their canonical names. What is decided by name, such as whether paths may be loaded and
    where files lie in the cache, must see through `local.://` as the lookup does.
    """
    return canonical_name(name) or name


def _local_source(path: Path) -> ModelSource:
    try:
        return ModelSource(LOCAL_PROVIDER, str(path.expanduser()))
    except RuntimeError:
        raise InvalidParameterError(
            f"{str(path)!r} begins with the home directory of a user that this machine does not know. Write the whole "
            f"path."
        ) from None
