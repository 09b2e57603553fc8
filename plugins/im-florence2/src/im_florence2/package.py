"""Opening a Florence-2 package: its files are read and checked against each other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from attrs import frozen

from im_florence2.generation_defaults import reduce_defaults
from im_florence2.images import make_pre_processor
from inference_models import CorruptedModelPackageError
from inference_models.developer_tools import ImagePreProcessor, TransformersToolkit, parse_inference_config

_MODEL, _PROCESSOR = "Florence2ForConditionalGeneration", "Florence2Processor"
# One of each must be there. transformers would look for what is missing elsewhere, or make do without.
_FILES = (
    ("tokenizer.json", "vocab.json"),
    ("tokenizer.json", "merges.txt"),
    ("tokenizer_config.json",),
    ("processor_config.json", "preprocessor_config.json"),
)
# Zeros that some checkpoints store.
_IGNORED = ("*.final_logits_bias",)


@frozen
class Florence2Package:
    """An opened package.

    Attributes:
        toolkit: of the backend.
        model: a `Florence2ForConditionalGeneration`.
        processor: a `Florence2Processor`.
        pre_processor: what is done to images before that; None: nothing.
        longest: how many tokens fit into the network, on either side.
    """

    toolkit: TransformersToolkit
    model: Any
    processor: Any
    pre_processor: ImagePreProcessor | None
    longest: int


def open_package(directory: str | Path, toolkit: TransformersToolkit) -> Florence2Package:
    """Open the package in `directory`.

    Args:
        directory: holds a checkpoint of transformers, or an adapter with one in `base/`; and inference_config.json if
            images are to be prepared in another way than the checkpoint says.
        toolkit: of the backend.

    Raises:
        CorruptedModelPackageError: a file is missing or malformed, or two contradict each other.
        ModelLoadingError: the package needs what is not supported; the message names what is.
        MissingDependencyError: it needs what is not installed.
    """
    directory = Path(directory)
    base = directory / "base" if (directory / "adapter_config.json").is_file() else directory
    _check_files(base)
    config = directory / "inference_config.json"
    pre_processor = make_pre_processor(parse_inference_config(config)) if config.is_file() else None
    model = toolkit.load_model(_MODEL, directory, ignore_unexpected=_IGNORED)
    processor = toolkit.load_processor(_PROCESSOR, directory)
    _check_vocabulary(processor, model.config, directory)
    _check_image_tokens(processor, model.config.vision_config, directory)
    text = model.config.text_config
    # What a call leaves open, transformers takes from here.
    reduce_defaults(model.generation_config, text.vocab_size, directory)
    return Florence2Package(toolkit, model, processor, pre_processor, text.max_position_embeddings)


def _check_files(base: Path) -> None:
    there = sorted(entry.name for entry in base.iterdir()) if base.is_dir() else []
    for names in _FILES:
        if not set(names) & set(there):
            missing = f"neither {' nor '.join(names)}" if len(names) > 1 else f"no {names[0]}"
            raise CorruptedModelPackageError(
                f"{base} has {missing}. It has: {', '.join(there[:20]) or 'nothing'}. Download the "
                f"package again, or save model and processor with save_pretrained() of transformers."
            )


def _check_vocabulary(processor: Any, config: Any, directory: Path) -> None:
    known, tokens = config.text_config.vocab_size, len(processor.tokenizer)
    if tokens > known or processor.image_token_id != config.image_token_id:
        raise CorruptedModelPackageError(
            f"The tokenizer in {directory} is not that of the network: it has {tokens} tokens and the image's is "
            f"{processor.image_token_id}; the network has {known} and {config.image_token_id}. Save both together."
        )


def _check_image_tokens(processor: Any, vision: Any, directory: Path) -> None:
    """Compare how many tokens the processor makes room for with how many the network makes of an image."""
    size = processor.image_processor.size
    count = 1
    for side in (size["height"], size["width"]):
        length = side
        for kernel, stride, padding in zip(vision.patch_size, vision.patch_stride, vision.patch_padding, strict=True):
            length = (length + 2 * padding - kernel) // stride + 1
        count *= length
    expected = count + 1  # and their mean
    if processor.num_image_tokens != expected:
        raise CorruptedModelPackageError(
            f"The image processor in {directory} makes room for {processor.num_image_tokens} tokens for an image "
            f"(image_seq_length), and the network makes {expected} of one of {size['width']}x{size['height']} pixels. "
            f"Correct it."
        )
