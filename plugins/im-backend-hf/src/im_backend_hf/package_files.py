"""What may be read of a package: its config as data, without what makes transformers fetch or run something."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from inference_models import CorruptedModelPackageError, ModelLoadingError

_AGAIN = "Download or export the package again."
_SAFE, _INDEX = "model.safetensors", "model.safetensors.index.json"
_PICKLED = ("pytorch_model.bin", "pytorch_model.bin.index.json")

# Names of code in the package; implementations of operations, which may lie on the Hugging Face hub; replacements of
# whole classes, which stay after loading; weights of another name, which may lead out of the directory.
_DROPPED = frozenset(
    {
        "attn_implementation",
        "auto_map",
        "custom_generate",
        "custom_pipelines",
        "distributed_config",
        "experts_implementation",
        "fusion_config",
        "kernel_config",
        "transformers_weights",
        "use_kernels",
    }
)


def read_json(path: Path) -> dict[str, Any]:
    """Return the JSON object in a file of a package. Raises: CorruptedModelPackageError."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CorruptedModelPackageError(
            f"{path} is missing. Its directory has: {listing(path.parent)}. {_AGAIN}"
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise CorruptedModelPackageError(f"{path} cannot be read as JSON: {error}. {_AGAIN}") from error
    if not isinstance(content, dict):
        raise CorruptedModelPackageError(f"{path} must hold a JSON object, found {type(content).__name__}. {_AGAIN}")
    return content


def listing(directory: Path) -> str:
    """Return the names in a directory, for messages."""
    names = sorted(entry.name for entry in directory.iterdir()) if directory.is_dir() else []
    return (", ".join(names[:20]) + (", ..." if len(names) > 20 else "")) or "nothing"


def read_config(directory: Path) -> dict[str, Any]:
    """Return what `config.json` says, without the keys that are no facts about the network.

    Raises:
        CorruptedModelPackageError: the file is missing or no JSON object.
        ModelLoadingError: the weights were quantized before, which is not supported.
    """
    content = read_json(directory / "config.json")
    if content.get("quantization_config"):
        raise ModelLoadingError(
            f"The weights in {directory} were quantized before they were saved (quantization_config in config.json), "
            f"which is not supported. Use a package in fp32, fp16 or bf16; load_in_4bit=True quantizes it while it is "
            f"loaded."
        )
    return _facts(content)


def _facts(content: dict[str, Any]) -> dict[str, Any]:
    return {
        key: _facts(value) if isinstance(value, dict) else value
        for key, value in content.items()
        if key not in _DROPPED and not key.startswith("_")
    }


def uses_safetensors(directory: Path, *, trusted: bool) -> bool:
    """Return whether the weights are in safetensors files; False: in a pickle that may be read.

    Raises:
        CorruptedModelPackageError: there are no weights, or their index is damaged or leads out of the directory.
        ModelLoadingError: there is a pickle only, and nobody vouches for the package.
    """
    if (directory / _SAFE).is_file():
        return True
    if (directory / _INDEX).is_file():
        _check_index(directory)
        return True
    pickled = [name for name in _PICKLED if (directory / name).is_file()]
    if not pickled:
        raise CorruptedModelPackageError(
            f"{directory} has no weights: neither {_SAFE} nor {_INDEX}. It has: {listing(directory)}. {_AGAIN}"
        )
    if not trusted:
        raise ModelLoadingError(
            f"{directory / pickled[0]} is a pickle, which is a program and no data, and the provider does not vouch "
            f"for the package. Use a package with {_SAFE}; model.save_pretrained() of transformers writes it."
        )
    if pickled[0] != _PICKLED[0]:
        raise ModelLoadingError(f"{directory / pickled[0]}: weights in several pickles are not read. Save as {_SAFE}.")
    return False


def _check_index(directory: Path) -> None:
    files = read_json(directory / _INDEX).get("weight_map")
    names = set(files.values()) if isinstance(files, dict) else None
    if not names or not all(isinstance(name, str) for name in names):
        raise CorruptedModelPackageError(f"{directory / _INDEX} has no weight_map that names files. {_AGAIN}")
    outside = [name for name in names if Path(name).name != name or not name.endswith(".safetensors")]
    if outside:
        raise CorruptedModelPackageError(
            f"{directory / _INDEX} names {min(outside)!r}, which is no safetensors file of this directory. {_AGAIN}"
        )
    missing = sorted(name for name in names if not (directory / name).is_file())
    if missing:
        raise CorruptedModelPackageError(f"{directory} lacks {', '.join(missing[:5])}, which {_INDEX} names. {_AGAIN}")
