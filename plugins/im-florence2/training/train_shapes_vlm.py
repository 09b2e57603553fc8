"""Train the small Florence-2 of the tests on its pictures; see README.md for the command that made the package."""

from __future__ import annotations

import argparse
import json
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import Florence2ForConditionalGeneration, Florence2Processor, GenerationConfig

from shapes_vlm.checkpoint import SMALL, make_config, make_network, make_processor, make_tokenizer
from shapes_vlm.scenes import Scene, draw_scenes, questions

SEED = 4
PEAK_RATE, WARM_UP, WEIGHT_DECAY = 3e-3, 30, 0.01
LARGEST_GRADIENT = 1.0
SHORT = 0.7  # the share of the answers that counts as short
IGNORED = -100  # the label that the loss leaves out
# As the published checkpoints, but without the ban on repetition, as sentences about shapes repeat themselves, and
# without stopping early, which ends a search while the best text is not yet complete.
GENERATION = {"num_beams": 3, "forced_bos_token_id": 0}


@dataclass(frozen=True)
class Lessons:
    """Questions with their answers, a row for each."""

    picture_of: Tensor
    input_ids: Tensor
    attention_mask: Tensor
    decoder_input_ids: Tensor
    labels: Tensor


def prepare(processor: Florence2Processor, scenes: list[Scene]) -> tuple[Tensor, list[Lessons]]:
    """Return the pictures (p, 3, side, side), and the questions about them, those with short answers apart.

    Most answers are short: together with the long ones, most of what is computed would be about padding.
    """
    pictures = [Image.fromarray(scene.picture) for scene in scenes]
    rows = [(number, *pair) for number, scene in enumerate(scenes) for pair in questions(scene)]
    rows.sort(key=lambda row: len(processor.tokenizer.tokenize(row[2])))
    short = round(SHORT * len(rows))
    pixels = processor.image_processor(pictures, return_tensors="pt")["pixel_values"]
    return pixels, [_lessons(processor, pictures, part) for part in (rows[:short], rows[short:])]


def _lessons(processor: Florence2Processor, pictures: list[Any], rows: list[tuple[int, str, str]]) -> Lessons:
    numbers, asked, answered = zip(*rows, strict=True)
    images = [pictures[number] for number in numbers]
    inputs = processor(text=list(asked), images=images, return_tensors="pt", padding=True)
    answers = processor.tokenizer([f"<s>{answer}</s>" for answer in answered], return_tensors="pt", padding=True)
    begin = torch.full((len(rows), 1), processor.tokenizer.eos_token_id)
    return Lessons(
        picture_of=torch.tensor(numbers),
        input_ids=inputs["input_ids"],
        attention_mask=inputs["attention_mask"],
        decoder_input_ids=torch.cat([begin, answers["input_ids"][:, :-1]], dim=1),
        labels=answers["input_ids"].masked_fill(answers["attention_mask"] == 0, IGNORED),
    )


def losses_of(network: Florence2ForConditionalGeneration, pixels: Tensor, groups: list[Lessons]) -> Tensor:
    """Return the loss of each token of all answers. Each picture is looked at once."""
    features = network.model.get_image_features(pixels).pooler_output
    return torch.cat([_losses(network, features, lessons) for lessons in groups])


def _losses(network: Florence2ForConditionalGeneration, features: Tensor, lessons: Lessons) -> Tensor:
    """Return the loss of each token of the answers; nothing is guessed where padding is."""
    seen = features[lessons.picture_of]
    embeddings = network.get_input_embeddings()(lessons.input_ids)
    embeddings = torch.cat([seen, embeddings[:, seen.shape[1] :]], dim=1)  # image tokens come first
    output = network.model(
        inputs_embeds=embeddings,
        attention_mask=lessons.attention_mask,
        decoder_input_ids=lessons.decoder_input_ids,
    )
    counted = lessons.labels != IGNORED
    scores = network.lm_head(output.last_hidden_state[counted])
    return cross_entropy(scores, lessons.labels[counted], reduction="none")


def rate(step: int, steps: int) -> float:
    """Return the share of the peak learning rate: a short warm-up, then half a cosine."""
    return min((step + 1) / WARM_UP, 0.5 + 0.5 * math.cos(math.pi * step / steps))


def train(network: Florence2ForConditionalGeneration, pixels: Tensor, groups: list[Lessons], steps: int) -> None:
    """Train on all questions at once, `steps` times."""
    network.train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=PEAK_RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: rate(step, steps))
    begun = time.process_time()
    for step in range(1, steps + 1):
        loss = losses_of(network, pixels, groups).mean()
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(network.parameters(), LARGEST_GRADIENT)
        optimizer.step()
        schedule.step()
        if step % 25 == 0 or step == steps:
            print(f"step {step:4d}  loss {loss.item():.4f}  {time.process_time() - begun:5.0f} s of CPU", flush=True)
    network.train(False)


@torch.inference_mode()
def least_sure(network: Florence2ForConditionalGeneration, pixels: Tensor, groups: list[Lessons]) -> float:
    """Return the smallest probability that any token of an answer has after those before it.

    Above a half, greedy search gives every answer.
    """
    return losses_of(network, pixels, groups).max().neg().exp().item()


def save(directory: Path, network: Florence2ForConditionalGeneration, processor: Florence2Processor) -> None:
    """Write the model package."""
    network.save_pretrained(directory)
    processor.save_pretrained(directory)
    described = {
        "model_architecture": "florence-2",
        "task_type": "vlm",
        "backend_type": "hugging-face",
        "quantization": "fp32",
    }
    (directory / "model_config.json").write_text(json.dumps(described, indent=2) + "\n", encoding="utf-8")
    tokenizer = directory / "tokenizer.json"  # a quarter of the size without its spaces
    tokenizer.write_text(json.dumps(json.loads(tokenizer.read_text("utf-8")), separators=(",", ":")), encoding="utf-8")


def main() -> None:
    """Parse the command line, train and save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True, help="directory of the package")
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--scenes", type=int, default=8)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    scenes = draw_scenes(arguments.scenes)
    tokenizer = make_tokenizer(text for scene in scenes for pair in questions(scene) for text in pair)
    processor = make_processor(tokenizer, SMALL)
    network = make_network(make_config(tokenizer, SMALL), SEED)
    network.generation_config = GenerationConfig.from_dict({**network.generation_config.to_dict(), **GENERATION})
    print(f"{sum(one.numel() for one in network.parameters())} parameters", flush=True)
    torch.manual_seed(SEED)
    pixels, groups = prepare(processor, scenes)
    train(network, pixels, groups, arguments.steps)
    surety = least_sure(network, pixels, groups)
    if surety <= 0.5:
        raise SystemExit(f"A token of an answer has a probability of {surety:.2f} only. Train with more steps.")
    print(f"every token of every answer has a probability of at least {surety:.2f}", flush=True)
    save(arguments.output, network, processor)


if __name__ == "__main__":
    main()
