"""LoRA adapters: a few weights that change those of a base model."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from im_backend_hf.package_files import listing, read_json
from im_backend_hf.quiet import quietly
from inference_models import CorruptedModelPackageError, MissingDependencyError, ModelLoadingError

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"

# What decides about the numbers. The rest of the file is about training, or names modules to import.
_KEYS = (
    "alpha_pattern",
    "bias",
    "exclude_modules",
    "fan_in_fan_out",
    "layers_pattern",
    "layers_to_transform",
    "lora_alpha",
    "lora_bias",
    "modules_to_save",
    "r",
    "rank_pattern",
    "target_modules",
    "use_dora",
    "use_rslora",
)


def is_adapter(directory: Path) -> bool:
    """Return whether a directory holds an adapter over the model in its `base/`."""
    return (directory / CONFIG).is_file()


def apply_adapter(transformers: Any, model: Any, directory: Path, *, merge: bool) -> Any:
    """Return `model` with the adapter in `directory`.

    Args:
        transformers: the module.
        model: the base model.
        directory: holds adapter_config.json and adapter_model.safetensors.
        merge: add the adapter to the weights, so that it costs no time. Quantized weights would be rounded by that.

    Raises:
        MissingDependencyError: peft is not installed.
        ModelLoadingError: the adapter is of another kind than LoRA, or in a pickle.
        CorruptedModelPackageError: it is damaged, or not for this model.
    """
    config = read_json(directory / CONFIG)
    _check_files(directory, config)
    try:
        import peft
    except ImportError as error:
        raise MissingDependencyError(
            f"The package is a LoRA adapter, and peft is missing ({error}). Install it: "
            f'pip install "im-backend-hf[lora]"'
        ) from error
    try:
        kept = {key: config[key] for key in _KEYS if config.get(key) is not None}
        with quietly(transformers), warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # of the one about the other: nothing that users can change
            adapted: Any = peft.PeftModel.from_pretrained(
                model, str(directory), config=peft.LoraConfig(**kept, inference_mode=True), local_files_only=True
            )
    except Exception as error:
        raise CorruptedModelPackageError(
            f"The adapter in {directory} does not fit its base model: {type(error).__name__}: {error}. Check that both "
            f"belong together, or export the package again."
        ) from error
    _check_weights(peft, adapted, directory)
    return adapted.merge_and_unload() if merge else adapted


def _check_files(directory: Path, config: dict[str, Any]) -> None:
    if config.get("peft_type") != "LORA":
        raise ModelLoadingError(
            f"The adapter in {directory} is of type {config.get('peft_type')!r}; supported: 'LORA'. Merge it into its "
            f"base model before it is exported."
        )
    if (directory / WEIGHTS).is_file():
        return
    if (directory / "adapter_model.bin").is_file():
        raise ModelLoadingError(
            f"{directory / 'adapter_model.bin'} is a pickle, which is a program and no data, so it is not read. Save "
            f"the adapter as {WEIGHTS}, as peft does by default."
        )
    raise CorruptedModelPackageError(
        f"{directory / WEIGHTS} is missing. The directory has: {listing(directory)}. Download or export the package "
        f"again."
    )


def _check_weights(peft: Any, adapted: Any, directory: Path) -> None:
    """Compare the names of the weights: peft leaves out what the model does not have, and starts with zeros what is."""
    from safetensors import safe_open

    with safe_open(directory / WEIGHTS, "np") as file:
        given = set(file.keys())
    wanted = set(peft.get_peft_model_state_dict(adapted, save_embedding_layers=False))
    wrong = sorted(given ^ wanted)
    if wrong:
        raise CorruptedModelPackageError(
            f"The weights in {directory / WEIGHTS} are not those that {CONFIG} describes: {len(given - wanted)} "
            f"unexpected, {len(wanted - given)} missing ({', '.join(wrong[:5])}{', ...' if len(wrong) > 5 else ''}). "
            f"Check that both and the base model belong together."
        )
