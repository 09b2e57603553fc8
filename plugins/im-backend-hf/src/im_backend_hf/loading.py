"""Models and processors of transformers out of a package directory: data only, nothing fetched, nothing guessed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from im_backend_hf.package_files import listing, read_config, read_json, uses_safetensors
from im_backend_hf.quiet import quietly
from inference_models import BaseInferenceModelsError, CorruptedModelPackageError, ModelImplementationNotFoundError
from inference_models.developer_tools import Quantization

_SHOWN = 5
_QUANTIZATIONS = {
    "float32": Quantization.FP32,
    "float16": Quantization.FP16,
    "bfloat16": Quantization.BF16,
}
_GENERATION = "generation_config.json"
# In force for everything that is loaded.
_LOCAL = {"local_files_only": True, "trust_remote_code": False}


def find_class(transformers: Any, name: str) -> Any:
    """Return a class of transformers. Raises: ModelImplementationNotFoundError."""
    found = getattr(transformers, name, None)
    if found is None:
        raise ModelImplementationNotFoundError(
            f"The installed transformers {transformers.__version__} has no {name}. Install a newer one."
        )
    return found


def stated_quantization(directory: Path) -> Quantization:
    """Return in which precision the weights in a directory are, as its `config.json` says."""
    config = read_config(directory)
    name = str(config.get("dtype", config.get("torch_dtype")))
    return _QUANTIZATIONS.get(name.removeprefix("torch."), Quantization.UNKNOWN)


def load_processor(transformers: Any, name: str, directory: Path) -> Any:
    """Return what prepares inputs for a model. See `TransformersToolkit.load_processor`."""
    found = find_class(transformers, name)
    # One way of resizing for everybody: torchvision's, used where it is installed, gives other pixels. Classes that
    # know one way only have it as an attribute.
    way = {} if hasattr(found, "backend") else {"backend": "pil"}
    try:
        with quietly(transformers):
            return found.from_pretrained(str(directory), **way, **_LOCAL)
    except BaseInferenceModelsError:
        raise
    except Exception as error:  # what is damaged shows in as many ways as there are files
        raise CorruptedModelPackageError(
            f"The files of the processor in {directory} cannot be used: {_first_line(error)} The directory has: "
            f"{listing(directory)}. Download or export the package again."
        ) from error


def load_model(
    transformers: Any,
    name: str,
    directory: Path,
    *,
    trusted: bool,
    ignore_unexpected: Iterable[str],
    ignore_missing: Iterable[str] = (),
    arguments: Mapping[str, Any],
) -> Any:
    """Return a model with exactly the weights in a directory, in evaluation mode. See `TransformersToolkit`.

    Args:
        transformers: the module.
        name: of the class.
        directory: holds config.json and the weights.
        trusted: whether a pickle may be read, as data.
        ignore_unexpected: names that the model need not have, with shell wildcards.
        ignore_missing: names that the files need not have, with shell wildcards.
        arguments: where the model goes, and in which type.
    """
    found = find_class(transformers, name)
    config = _make_config(found, directory)
    if (directory / _GENERATION).exists():
        read_json(directory / _GENERATION)  # transformers would do without a damaged one
    safe = uses_safetensors(directory, trusted=trusted)
    if (directory / "adapter_config.json").exists():
        raise CorruptedModelPackageError(
            f"{directory} holds an adapter beside a whole model. An adapter's base model lies in base/ below it."
        )
    try:
        with quietly(transformers):
            model, report = found.from_pretrained(
                str(directory),
                config=config,
                use_safetensors=safe,
                weights_only=True,
                output_loading_info=True,
                ignore_mismatched_sizes=True,  # they are in the report
                attn_implementation=_attention(found),
                **_LOCAL,
                **arguments,
            )
    except (MemoryError, BaseInferenceModelsError):
        raise
    except Exception as error:
        if "memory" in str(error).lower():
            raise
        if not safe:  # messages of torch say how to run what is in there
            raise _unusable_pickle(directory) from None
        raise CorruptedModelPackageError(
            f"The model in {directory} cannot be loaded: {_first_line(error)} Download or export the package again."
        ) from error
    _check_report(report, tuple(ignore_unexpected), tuple(ignore_missing), directory)
    return model


def _unusable_pickle(directory: Path) -> CorruptedModelPackageError:
    return CorruptedModelPackageError(
        f"The pickle in {directory} cannot be loaded: it is damaged, or holds more than tensors: it is read as data "
        f"only. Use a package with model.safetensors, which save_pretrained() of transformers writes."
    )


def _make_config(found: Any, directory: Path) -> Any:
    content = read_config(directory)
    wanted = found.config_class.model_type
    if content.get("model_type") != wanted:
        raise CorruptedModelPackageError(
            f"{directory / 'config.json'} is of model_type {content.get('model_type')!r}; {found.__name__} takes "
            f"{wanted!r}. Check that the package names the right architecture."
        )
    try:
        return found.config_class.from_dict(content)
    except Exception as error:
        raise CorruptedModelPackageError(
            f"{directory / 'config.json'} cannot be used: {_first_line(error)} Download or export the package again."
        ) from error


def _attention(found: Any) -> str:
    """Return how a class computes attention: with torch's own operation, where it has any attention.

    Said always, because a config might name an operation that lies on the Hugging Face hub.
    """
    return "eager" if getattr(found, "_supports_sdpa", True) is False else "sdpa"


def _check_report(
    report: Mapping[str, Any], may_be_unexpected: Sequence[str], may_be_missing: Sequence[str], directory: Path
) -> None:
    """Refuse weights that are not those of the config: transformers would fill in random ones."""
    mismatched = [
        f"{name}: {tuple(given)} instead of {tuple(wanted)}" for name, given, wanted in report["mismatched_keys"]
    ]
    problems = [
        _listed("missing", _others(report["missing_keys"], may_be_missing)),
        _listed("unexpected", _others(report["unexpected_keys"], may_be_unexpected)),
        _listed("of another shape", mismatched),
        _listed("unreadable", report.get("error_msgs") or ()),
    ]
    if any(problems):
        raise CorruptedModelPackageError(
            f"The weights in {directory} are not those that config.json describes: "
            f"{'; '.join(filter(None, problems))}. Check that both belong together, or export the package again."
        )


def _others(names: Iterable[str], patterns: Sequence[str]) -> list[str]:
    return [name for name in names if not any(fnmatchcase(name, one) for one in patterns)]


def _listed(what: str, names: Iterable[str]) -> str:
    names = sorted(names)
    if not names:
        return ""
    rest = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{len(names)} {what} ({', '.join(names[:_SHOWN])}{rest})"


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [""]
    return f"{type(error).__name__}: {lines[0]}".rstrip(": .") + "."
