"""Reading weights as data: tensors and plain values, and nothing that could run."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from pathlib import Path
from pickle import UnpicklingError
from typing import Any
from zipfile import ZipFile

from inference_models.errors import CorruptedModelPackageError, ModelLoadingError
from inference_models.memo import ProcessLock
from inference_models.torch_support.memory import explain_out_of_memory

# Under these keys training programs keep the weights among other things.
_NESTED = ("state_dict", "model", "model_state_dict")
_REFUSED = re.compile(r"GLOBAL (?P<name>[\w.]+)")
_AGAIN = "Download or export the package again."

# The classes that torch lets a checkpoint hold are a setting of the whole process while a file is read.
_reading = ProcessLock()


def load_torch_weights(torch: Any, path: str | os.PathLike[str], allowed_classes: Iterable[Any] = ()) -> dict[str, Any]:
    """Return the tensors in a file by name, in main memory. See `TorchToolkit.load_state_dict`.

    Args:
        torch: the module.
        path: of the file.
        allowed_classes: that a checkpoint may hold beside tensors and plain values.

    Raises:
        CorruptedModelPackageError: the file is missing, cut short, or holds other objects.
        ModelLoadingError: there is not enough memory.
    """
    path = Path(path)
    if path.suffix == ".safetensors":
        return _load_safetensors(_existing(path))
    return _only_tensors(torch, load_torch_checkpoint(torch, path, allowed_classes), path)


def _existing(path: Path) -> Path:
    if not path.is_file():
        there = sorted(file.name for file in path.parent.iterdir()) if path.parent.is_dir() else []
        raise CorruptedModelPackageError(
            f"{path} is missing. Its directory has: {', '.join(there[:20]) or 'nothing'}. {_AGAIN}"
        )
    return path


def _load_safetensors(path: Path) -> dict[str, Any]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return dict(load_file(path))
    except (SafetensorError, ValueError, OSError) as error:
        raise CorruptedModelPackageError(f"{path} is not a complete safetensors file: {error}. {_AGAIN}") from error


def load_torch_checkpoint(torch: Any, path: str | os.PathLike[str], allowed_classes: Iterable[Any] = ()) -> Any:
    """Return all that a checkpoint holds, in main memory. See `TorchToolkit.load_checkpoint`.

    Args and errors are those of `load_torch_weights`.
    """
    path = _existing(Path(path))
    if _is_torch_script(path):
        raise CorruptedModelPackageError(
            f"{path} is a TorchScript archive, and weights were expected. Its backend is torch-script."
        )
    allowed = list(allowed_classes)
    try:
        with _reading.held(), torch.serialization.safe_globals(allowed) if allowed else nullcontext():
            return torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError as error:
        raise CorruptedModelPackageError(_refusal(path, str(error))) from error
    except Exception as error:  # torch's reader lets through whatever damaged bytes lead to
        memory = explain_out_of_memory(torch, error, "cpu")
        if memory is not None:
            raise ModelLoadingError(f"{path} was not read: {memory}") from error
        raise CorruptedModelPackageError(_damage(path, error)) from error


def _is_torch_script(path: Path) -> bool:
    """Tell a program from a checkpoint: torch.load would open the one in passing, with a warning."""
    try:
        with ZipFile(path) as archive:
            return any(name.endswith("/constants.pkl") for name in archive.namelist())
    except Exception:  # damaged, which shows when it is read, or a checkpoint in the format of old
        return False


def _refusal(path: Path, text: str) -> str:
    """Return what to say about forbidden content. Never torch's own advice, which is to read it all the same."""
    match = _REFUSED.search(text)
    if match is None:
        return f"{path} is not a checkpoint that can be read as data; it may be cut short. {_AGAIN}"
    return (
        f"{path} holds an object of {match['name']}, which is code and no weights, so it was not read. Save the "
        f"weights alone, as safetensors or with torch.save(model.state_dict(), path)."
    )


def _damage(path: Path, error: Exception) -> str:
    text = str(error) or type(error).__name__
    match = re.search(r"PytorchStreamReader failed ([^.]+)", text)
    return f"{path} is not a complete checkpoint: {match[1] if match else text.partition('. ')[0]}. {_AGAIN}"


def _only_tensors(torch: Any, contents: object, path: Path) -> dict[str, Any]:
    candidates = [contents]
    if isinstance(contents, Mapping):
        candidates += [contents[key] for key in _NESTED if key in contents]
    for candidate in candidates:
        if isinstance(candidate, Mapping) and candidate and _are_tensors(torch, candidate):
            return {str(name): tensor for name, tensor in candidate.items()}
    raise CorruptedModelPackageError(
        f"{path} holds no weights by name: expected tensors, or tensors under {', '.join(map(repr, _NESTED))}, found "
        f"{_described(contents)}. Save the weights alone, as safetensors or with torch.save(model.state_dict(), path)."
    )


def _are_tensors(torch: Any, candidate: Mapping[Any, Any]) -> bool:
    return all(isinstance(value, torch.Tensor) for value in candidate.values())


def _described(contents: object) -> str:
    if not isinstance(contents, Mapping):
        return f"an object of type {type(contents).__name__}"
    shown = [f"{key!r}: {type(value).__name__}" for key, value in list(contents.items())[:5]]
    return "{" + ", ".join(shown) + (", ..." if len(contents) > 5 else "") + "}"
