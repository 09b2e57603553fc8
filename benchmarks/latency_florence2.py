"""What answering a prompt costs beside the network: `prompt` against bare `generate` of transformers.

The network is as large as Florence-2 base (231 million parameters) with weights from a seed, so what it says makes no
sense; how long it takes does not depend on that. Both generate the same number of tokens about a 1080x1920 picture. The
time of `model.generate` inside a call is taken by a stopwatch around it; whole / inside is the overhead.
"""

from __future__ import annotations

import importlib
import json
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch

from inference_models import AutoModel
from timing import Stopwatch, conclude, rounds_parser, time_calls

TRAINING = Path(__file__).resolve().parent.parent / "plugins/im-florence2/training"
ROUNDS, TOKENS = 10, 20
TARGET = 1.02  # whole / generate


def build_base(directory: Path) -> Path:
    """Write a package with a network as large as Florence-2 base, and a tokenizer of its own."""
    sys.path.insert(0, str(TRAINING))
    checkpoint: Any = importlib.import_module("shapes_vlm.checkpoint")
    transformers: Any = importlib.import_module("transformers")
    tokenizer = checkpoint.make_tokenizer(["a picture of nothing in particular"])
    size = checkpoint.Size(
        side=768, vision=(128, 256, 512, 1024), text=768, feed_forward=3072, layers=6, positions=1024
    )
    small = checkpoint.make_config(tokenizer, size).to_dict()
    small["vision_config"] |= {"depths": [1, 1, 9, 1], "window_size": 12}
    heads = [4, 8, 16, 32]
    small["vision_config"] |= {"num_heads": heads, "num_groups": heads}
    small["text_config"] |= {"vocab_size": 51289, "encoder_attention_heads": 12, "decoder_attention_heads": 12}
    config = transformers.Florence2Config.from_dict(small)
    checkpoint.make_network(config, 1).save_pretrained(directory)
    checkpoint.make_processor(tokenizer, size).save_pretrained(directory)
    described = {"model_architecture": "florence-2", "task_type": "vlm", "backend_type": "hugging-face"}
    (directory / "model_config.json").write_text(json.dumps(described))
    return directory


def measure(model: Any, beams: int, rounds: int) -> tuple[list[float], list[float]]:
    """Return milliseconds outside and inside `generate` for each call."""
    network: Any = model._package.model
    network.generation_config.forced_eos_token_id = None
    network.generation_config.eos_token_id = None  # so that every call generates as many tokens
    picture = np.random.default_rng(0).integers(0, 256, (1080, 1920, 3), np.uint8)
    return time_calls(
        lambda: model.prompt(picture, "<MORE_DETAILED_CAPTION>", max_new_tokens=TOKENS, num_beams=beams),
        Stopwatch(network, "generate"),
        rounds,
        warm_up=1,
    )


def main() -> int:
    parser = rounds_parser(__doc__, ROUNDS)
    parser.add_argument("--device", help="default: the best there is")
    arguments = parser.parse_args()
    missed = []
    with tempfile.TemporaryDirectory() as home:
        directory = build_base(Path(home))
        print(
            f"torch {torch.__version__}, {torch.get_num_threads()} threads, {TOKENS} tokens about a 1080x1920 picture"
        )
        print("dtype     device  beams   outside ms: median    min   generate ms: median    min   whole/generate")
        for dtype in ("float32", "bfloat16"):
            with AutoModel.from_pretrained(f"{directory}/", device=arguments.device, dtype=dtype) as model:
                for beams in (1, 3):
                    outside, inside = measure(model, beams, arguments.rounds)
                    ratio = median((a + b) / b for a, b in zip(outside, inside, strict=True))
                    device = model.runtime["device"]
                    print(
                        f"{dtype:8}  {device:6}  {beams:5}  {median(outside):19.1f}  {min(outside):5.1f}"
                        f"   {median(inside):19.0f}  {min(inside):5.0f}   {ratio:14.4f}",
                        flush=True,
                    )
                    if ratio > TARGET:
                        missed.append(f"{dtype}, {beams} beams: whole / generate {ratio:.4f}, allowed {TARGET}")
    return conclude(missed)


if __name__ == "__main__":
    sys.exit(main())
