"""Train the small Florence-2 of the tests on its pictures; see README.md for the command that made the package."""

from __future__ import annotations

import argparse
import json
import math
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor
from transformers import Florence2ForConditionalGeneration, Florence2Processor, GenerationConfig

from shapes_vlm.checkpoint import SMALL, make_config, make_network, make_processor, make_tokenizer
from shapes_vlm.scenes import Scene, draw_scenes, questions

SEED = 3
PEAK_RATE, WARM_UP, WEIGHT_DECAY = 3e-3, 30, 0.01
LARGEST_GRADIENT = 1.0
IGNORED = -100  # the label that the loss leaves out
# As the published checkpoints, but without the ban on repetition, as sentences about shapes repeat themselves, and
# without stopping early, which ends a search while the best text is not yet complete.
GENERATION = {"num_beams": 3, "forced_bos_token_id": 0}


@dataclass(frozen=True)
class Lessons:
    """All questions with their answers: pictures (p, 3, side, side), and a row for each question."""

    pixels: Tensor
    picture_of: Tensor
    input_ids: Tensor
    attention_mask: Tensor
    labels: Tensor


def prepare(processor: Florence2Processor, scenes: list[Scene]) -> Lessons:
    """Return the questions about the scenes as tensors."""
    rows = [(number, *pair) for number, scene in enumerate(scenes) for pair in questions(scene)]
    pictures = [Image.fromarray(scene.picture) for scene in scenes]
    asked = processor(
        text=[question for _, question, _ in rows],
        images=[pictures[number] for number, _, _ in rows],
        return_tensors="pt",
        padding=True,
    )
    answers = processor.tokenizer([f"<s>{answer}</s>" for *_, answer in rows], return_tensors="pt", padding=True)
    return Lessons(
        pixels=processor.image_processor(pictures, return_tensors="pt")["pixel_values"],
        picture_of=torch.tensor([number for number, *_ in rows]),
        input_ids=asked["input_ids"],
        attention_mask=asked["attention_mask"],
        labels=answers["input_ids"].masked_fill(answers["attention_mask"] == 0, IGNORED),
    )


def loss_of(network: Florence2ForConditionalGeneration, lessons: Lessons) -> Tensor:
    """Return the loss over all questions; each picture is looked at once."""
    features = network.model.get_image_features(lessons.pixels).pooler_output[lessons.picture_of]
    embeddings = network.get_input_embeddings()(lessons.input_ids)
    embeddings = torch.cat([features, embeddings[:, features.shape[1] :]], dim=1)  # image tokens come first
    output = network(inputs_embeds=embeddings, attention_mask=lessons.attention_mask, labels=lessons.labels)
    loss: Tensor = output.loss
    return loss


def rate(step: int, steps: int) -> float:
    """Return the share of the peak learning rate: a short warm-up, then half a cosine."""
    return min((step + 1) / WARM_UP, 0.5 + 0.5 * math.cos(math.pi * step / steps))


def train(network: Florence2ForConditionalGeneration, lessons: Lessons, steps: int) -> None:
    """Train on all questions at once, `steps` times."""
    network.train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=PEAK_RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: rate(step, steps))
    begun = time.monotonic()
    for step in range(1, steps + 1):
        loss = loss_of(network, lessons)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(network.parameters(), LARGEST_GRADIENT)
        optimizer.step()
        schedule.step()
        if step % 25 == 0 or step == steps:
            print(f"step {step:4d}  loss {loss.item():.4f}  {time.monotonic() - begun:5.0f} s", flush=True)
    network.train(False)


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
    parser.add_argument("--steps", type=int, default=600)
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
    train(network, prepare(processor, scenes), arguments.steps)
    save(arguments.output, network, processor)


if __name__ == "__main__":
    main()
