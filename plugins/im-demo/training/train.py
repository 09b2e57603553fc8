"""Train the detector; see README.md for the command that made the shipped weights.

Writes `<output>/checkpoint.pt` every now and then (to resume from), and the averaged weights as
`<output>/weights.safetensors`.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from shapes_training.decoding import anchor_points
from shapes_training.losses import detection_loss
from shapes_training.network import ShapeDetector
from shapes_training.outlines import CLASS_NAMES
from shapes_training.samples import INPUT_SIZE, TRAINING_SEED, training_sample
from shapes_training.schedule import RunningAverage, learning_rate

LOG_EVERY, SAVE_EVERY = 25, 200
WEIGHT_DECAY = 0.02
LARGEST_GRADIENT = 10.0


@dataclass(frozen=True)
class Batch:
    """Images (b, 3, 320, 320) float32 RGB 0..1; boxes (b, m, 4) and classes (b, m), zero-padded."""

    images: Tensor
    boxes: Tensor
    classes: Tensor


def make_batch(first: int, size: int) -> Batch:
    """Draw training pictures number `first` to `first + size - 1`."""
    scenes = [training_sample(index) for index in range(first, first + size)]
    most = max(1, *(len(scene.boxes) for scene in scenes))
    boxes = np.zeros((size, most, 4), dtype=np.float32)
    classes = np.zeros((size, most), dtype=np.int64)
    for row, scene in enumerate(scenes):
        boxes[row, : len(scene.boxes)] = scene.boxes
        classes[row, : len(scene.boxes)] = scene.class_ids
    pictures = np.stack([scene.picture[..., ::-1] for scene in scenes])
    # The permuted view of NHWC pixels is already in the channels_last order that is fastest here.
    images = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255.0
    return Batch(images, torch.from_numpy(boxes), torch.from_numpy(classes))


def batches(start: int, steps: int, size: int) -> Iterator[Batch]:
    """Yield the batches of steps `start` to `steps`, drawing one ahead in a thread."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        upcoming = pool.submit(make_batch, start * size, size)
        for step in range(start + 1, steps + 1):
            batch = upcoming.result()
            if step < steps:
                upcoming = pool.submit(make_batch, step * size, size)
            yield batch


class Trainer:
    """The model, its optimiser and its running average, and how they go to and from disk."""

    def __init__(self, steps: int) -> None:
        self.steps = steps
        self.step = 0
        self.model = ShapeDetector(len(CLASS_NAMES))
        self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = RunningAverage(self.model)
        decayed = [p for p in self.model.parameters() if p.ndim > 1]
        others = [p for p in self.model.parameters() if p.ndim <= 1]
        self.optimizer = torch.optim.AdamW(
            [
                {"params": decayed, "weight_decay": WEIGHT_DECAY},
                {"params": others, "weight_decay": 0.0},
            ]
        )
        self.anchors = anchor_points(INPUT_SIZE)

    def train_on(self, batch: Batch) -> float:
        """Take one step and return its loss."""
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.step, self.steps)
        with torch.autocast("cpu", torch.bfloat16):
            logits = self.model(batch.images)
        loss = detection_loss(logits, self.anchors, batch.boxes, batch.classes)
        self.optimizer.zero_grad()
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), LARGEST_GRADIENT)
        self.optimizer.step()
        self.average.update(self.model, self.step)
        self.step += 1
        return loss.item()

    def save(self, folder: Path) -> None:
        """Write the checkpoint and the averaged weights."""
        state = {
            "step": self.step,
            "model": self.model.state_dict(),
            "average": self.average.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }
        partial = folder / "checkpoint.pt.partial"
        torch.save(state, partial)
        partial.replace(folder / "checkpoint.pt")
        weights = {k: v.contiguous() for k, v in self.average.model.state_dict().items()}
        save_file(weights, folder / "weights.safetensors")

    def resume(self, folder: Path) -> None:
        """Go on from the folder's checkpoint, if there is one."""
        path = folder / "checkpoint.pt"
        if path.exists():
            state = torch.load(path, weights_only=True)
            self.model.load_state_dict(state["model"])
            self.average.model.load_state_dict(state["average"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.step = int(state["step"])


def main() -> None:
    """Parse the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True, help="folder for the weights")
    parser.add_argument("--steps", type=int, default=1900)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    cv2.setNumThreads(1)
    torch.manual_seed(TRAINING_SEED)
    arguments.output.mkdir(parents=True, exist_ok=True)

    trainer = Trainer(arguments.steps)
    trainer.resume(arguments.output)
    parameters = sum(p.numel() for p in trainer.model.parameters())
    print(f"{parameters} parameters, from step {trainer.step}", flush=True)
    begun, losses = time.monotonic(), []
    for batch in batches(trainer.step, arguments.steps, arguments.batch):
        losses.append(trainer.train_on(batch))
        if trainer.step % LOG_EVERY == 0:
            mean = sum(losses[-LOG_EVERY:]) / len(losses[-LOG_EVERY:])
            seconds = time.monotonic() - begun
            print(f"step {trainer.step:5d}  loss {mean:7.3f}  {seconds:6.0f} s", flush=True)
        if trainer.step % SAVE_EVERY == 0 or trainer.step == arguments.steps:
            trainer.save(arguments.output)


if __name__ == "__main__":
    main()
