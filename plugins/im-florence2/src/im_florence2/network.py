"""The network at work: sentences and pictures in, tokens out, tokens into text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from im_florence2.generation import Generation, TextStream
from im_florence2.package import Florence2Package
from inference_models import ModelInputError

Inputs: TypeAlias = Mapping[str, Any]
"""What the network takes: input_ids and attention_mask (N, length) int64, pixel_values (N, 3, height, width)."""


def encode(package: Florence2Package, sentences: Sequence[str], pictures: Sequence[Any]) -> Inputs:
    """Return the network's inputs for a sentence about each picture, on its device.

    Raises:
        ModelInputError: a sentence is too long.
    """
    encoded = package.processor(text=list(sentences), images=list(pictures), return_tensors="pt", padding=True)
    length = encoded["input_ids"].shape[1]
    if length > package.longest:
        raise ModelInputError(
            f"Image and prompt make {length} tokens, and the network takes {package.longest}. Shorten the prompt."
        )
    device, dtype = package.toolkit.device, package.model.dtype
    inputs = {name: encoded[name].to(device) for name in ("input_ids", "attention_mask")}
    return {**inputs, "pixel_values": encoded["pixel_values"].to(device, dtype)}


def generate(package: Florence2Package, inputs: Inputs, options: Generation, streamer: Any = None) -> Any:
    """Return token ids (N, length); with a streamer, of one row, it gets them as they come."""
    config = options.configure(package.model.generation_config, package.longest - 1)
    with package.toolkit.inference(), options.randomness(package.toolkit.device):
        return package.model.generate(**inputs, generation_config=config, streamer=streamer)


def decode(package: Florence2Package, ids: Any, *, skip_special_tokens: bool = False) -> list[str]:
    """Return the text of each row of token ids, without the tokens that begin, end and fill a text."""
    rows = ids.tolist() if hasattr(ids, "tolist") else ids
    tokenizer = package.processor.tokenizer
    frame = {tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id}
    texts: list[str] = tokenizer.batch_decode(
        [[token for token in row if token not in frame] for row in rows],
        skip_special_tokens=skip_special_tokens,
        clean_up_tokenization_spaces=False,
    )
    return texts


def stream(package: Florence2Package, inputs: Inputs, options: Generation, *, skip_special_tokens: bool) -> TextStream:
    """Return the text about one image as it is generated."""
    return TextStream(
        lambda streamer: generate(package, inputs, options, streamer),
        lambda ids: decode(package, [list(ids)], skip_special_tokens=skip_special_tokens)[0],
    )
