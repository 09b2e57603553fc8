"""With which API keys a model was given: what decides who gets it while its provider cannot be asked.

    <root>/.granted/<model>/<key>       an empty file; the key is a salted hash, see `resolutions.resolution_key`

Only models that were loaded over the network have records. What somebody carried here, as a bundle or with
`im download`, has none, and is for everybody who uses the cache.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from inference_models.store.layout import cache_root, model_directory
from inference_models.store.staging import make_directories

__all__ = ["forget_grants", "note_grant", "was_granted"]

_DIRECTORY = ".granted"


def note_grant(provider: str, model_id: str, key: str, root: Path | None = None) -> None:
    """Note that the provider gave a model to whoever asked with `key`. Where nothing can be written, nothing is noted.

    Args:
        provider: name of the weights provider.
        model_id: as the provider knows the model.
        key: of the API key, and of whatever else the provider's answer depends on.
        root: of the cache. None: as configured.
    """
    place = _place(provider, model_id, root)
    with suppress(OSError):
        make_directories(place.parent, is_private=True)
        make_directories(place, is_private=True)
        (place / key).touch(mode=0o600)


def was_granted(provider: str, model_id: str, key: str | None, root: Path | None = None) -> bool:
    """Return whether the model was given to whoever asks with `key`, or lies here without having been asked for.

    Takes what `note_grant` does; `key` is None where the cache cannot hold a salt, and so has no records of keys.
    """
    place = _place(provider, model_id, root)
    try:
        return not place.is_dir() or (key is not None and (place / key).is_file())
    except OSError:  # another user's, such as the administrator's: carried here, for all who may read the rest
        return True


def forget_grants(provider: str, model_id: str, root: Path | None = None) -> None:
    """Remove the records of a model that is in the cache no more. Never fails: it is housekeeping."""
    place = _place(provider, model_id, root)
    with suppress(OSError):
        for record in place.iterdir():
            record.unlink(missing_ok=True)
        place.rmdir()


def _place(provider: str, model_id: str, root: Path | None) -> Path:
    root = root or cache_root()
    return root / _DIRECTORY / model_directory(root, provider, model_id).name
