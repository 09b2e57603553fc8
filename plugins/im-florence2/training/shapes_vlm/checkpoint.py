"""Small Florence-2 checkpoints in the layout of the published ones: config, tokenizer, image processor."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    CLIPImageProcessorPil,
    Florence2Config,
    Florence2ForConditionalGeneration,
    Florence2Processor,
    PreTrainedTokenizerFast,
)

LOCATIONS = [f"<loc_{number}>" for number in range(1000)]
# Beside the locations, what the published tokenizers add to BART's.
MARKERS = [f"<{name}>" for name in ("od", "/od", "ocr", "/ocr", "cap", "/cap", "ncap", "/ncap", "dcap", "/dcap")]
MARKERS += [f"<{name}>" for name in ("grounding", "/grounding", "seg", "/seg", "sep", "region_cap", "/region_cap")]
MARKERS += [f"<{name}>" for name in ("poly", "/poly", "and")]
TEXT_TOKENS = 400  # bytes, and the words that shapes are described with
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
ANSWERS = ("pure_text", "ocr", "description_with_bboxes", "phrase_grounding", "polygons", "bboxes")


@dataclass(frozen=True)
class Size:
    """How large a network is.

    Attributes:
        side: of the image that it sees, in pixels; a multiple of 32.
        vision: channels of the four stages of the vision tower; multiples of 8.
        text: channels of the language model.
        feed_forward: channels inside its blocks.
        layers: of its encoder, and of its decoder.
    """

    side: int
    vision: tuple[int, int, int, int]
    text: int
    feed_forward: int
    layers: int = 1
    positions: int = 128

    @property
    def image_tokens(self) -> int:
        """The number of tokens that an image becomes: one for each 32 x 32 pixels, and their mean."""
        return (self.side // 32) ** 2 + 1


TINY = Size(side=64, vision=(8, 8, 16, 16), text=32, feed_forward=64)
"""For tests of everything but the answers: its weights are random."""

SMALL = Size(side=128, vision=(16, 24, 40, 64), text=64, feed_forward=128)
"""What is trained."""


def make_tokenizer(sentences: Iterable[str]) -> PreTrainedTokenizerFast:
    """Train a byte-level BPE tokenizer on sentences, with Florence-2's special tokens."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=TEXT_TOKENS,
        special_tokens=["<s>", "<pad>", "</s>", "<unk>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(sentences, trainer)
    make: Any = PreTrainedTokenizerFast
    fast: PreTrainedTokenizerFast = make(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
        cls_token="<s>",
        sep_token="</s>",
        extra_special_tokens={"image_token": "<image>"},
        clean_up_tokenization_spaces=False,
    )
    fast.add_tokens([*LOCATIONS, *MARKERS], special_tokens=True)
    return fast


def make_processor(tokenizer: PreTrainedTokenizerFast, size: Size) -> Florence2Processor:
    """Return the processor that prepares pictures and prompts for a network of this size."""
    images: Any = CLIPImageProcessorPil(
        do_resize=True,
        size={"height": size.side, "width": size.side},
        resample=3,
        do_center_crop=False,
        do_convert_rgb=True,
        do_rescale=True,
        do_normalize=True,
        image_mean=MEAN,
        image_std=STD,
    )
    images.image_seq_length = size.image_tokens
    return Florence2Processor(images, tokenizer, post_processor_config={name: {} for name in ANSWERS})


def make_config(tokenizer: PreTrainedTokenizerFast, size: Size) -> Florence2Config:
    """Return the configuration of a network of this size without dropout."""
    special: dict[str, Any] = {
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
        "decoder_start_token_id": tokenizer.eos_token_id,
        "forced_eos_token_id": tokenizer.eos_token_id,
    }
    text = {
        "model_type": "bart",
        "vocab_size": len(tokenizer),
        "d_model": size.text,
        "encoder_layers": size.layers,
        "decoder_layers": size.layers,
        "encoder_attention_heads": 4,
        "decoder_attention_heads": 4,
        "encoder_ffn_dim": size.feed_forward,
        "decoder_ffn_dim": size.feed_forward,
        "max_position_embeddings": size.positions,
        "dropout": 0.0,
        "scale_embedding": False,
        "init_std": 0.5 * size.text**-0.5,
        **special,
    }
    vision = {
        "depths": [1, 1, 1, 1],
        "embed_dim": list(size.vision),
        "num_heads": [channels // 8 for channels in size.vision],
        "num_groups": [channels // 8 for channels in size.vision],
        "window_size": 4,
        "drop_path_rate": 0.0,
        "projection_dim": size.text,
        # Of small networks the usual 0.02 makes all pictures look the same, and training takes long to part them.
        "initializer_range": size.vision[-1] ** -0.5,
    }
    return Florence2Config(text_config=text, vision_config=vision, image_token_id=tokenizer.image_token_id, **special)


def make_network(config: Florence2Config, seed: int) -> Florence2ForConditionalGeneration:
    """Return a network with random weights; the same seed gives the same ones."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = Florence2ForConditionalGeneration(config)
    network.train(False)
    return network
