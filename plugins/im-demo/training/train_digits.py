"""Train the reader of digits; see README.md for the command that made the shipped weights.

Writes the averaged weights as `<output>/digits.safetensors`. Needs scikit-learn, which brings the digits.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from digits_training.data import Digits, load_digits
from digits_training.network import INPUT_SIZE, DigitReader
from digits_training.pictures import plain_picture, training_picture
from shapes_training.schedule import RunningAverage, learning_rate

SEED = 1
LOG_EVERY = 100
WEIGHT_DECAY = 0.02
SMOOTHING = 0.05


def as_input(pictures: list[np.ndarray]) -> Tensor:
    """Return (b, 3, 64, 64) float32 RGB 0..1 of BGR pictures of any size."""
    sized = [cv2.resize(one, (INPUT_SIZE, INPUT_SIZE)) for one in pictures]
    stacked = np.ascontiguousarray(np.stack(sized)[..., ::-1].transpose(0, 3, 1, 2))
    return torch.from_numpy(stacked).float() / 255.0


def make_batch(digits: Digits, step: int, size: int) -> tuple[Tensor, Tensor]:
    """Draw the pictures of a step: (size, 3, 64, 64) and their labels."""
    rng = np.random.default_rng((SEED, step))
    rows = rng.integers(0, len(digits), size)
    pictures = [training_picture(rng, digits.ink[row], INPUT_SIZE) for row in rows]
    return as_input(pictures), torch.from_numpy(digits.labels[rows])


def batches(digits: Digits, steps: int, size: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the batches of all steps, drawing one ahead in a thread."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        upcoming = pool.submit(make_batch, digits, 0, size)
        for step in range(1, steps + 1):
            batch = upcoming.result()
            if step < steps:
                upcoming = pool.submit(make_batch, digits, step, size)
            yield batch


@torch.no_grad()
def accuracy(model: nn.Module, digits: Digits) -> float:
    """Return the share of digits, drawn plainly, that the model reads right."""
    found = model(as_input([plain_picture(ink) for ink in digits.ink])).argmax(dim=1).numpy()
    return float((found == digits.labels).mean())


def main() -> None:
    """Parse the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True, help="folder for the weights")
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    cv2.setNumThreads(1)
    torch.manual_seed(SEED)
    training, held_out = load_digits()
    model = DigitReader()
    average = RunningAverage(model)
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=WEIGHT_DECAY)
    print(f"{sum(p.numel() for p in model.parameters())} parameters, {len(training)} digits", flush=True)
    begun, losses = time.monotonic(), []
    for step, (images, labels) in enumerate(batches(training, arguments.steps, arguments.batch)):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, arguments.steps)
        loss = nn.functional.cross_entropy(model(images), labels, label_smoothing=SMOOTHING)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        average.update(model, step)
        losses.append(loss.item())
        if (step + 1) % LOG_EVERY == 0:
            mean = sum(losses[-LOG_EVERY:]) / LOG_EVERY
            print(f"step {step + 1:5d}  loss {mean:6.3f}  {time.monotonic() - begun:5.0f} s", flush=True)
    arguments.output.mkdir(parents=True, exist_ok=True)
    weights = {name: value.contiguous() for name, value in average.model.state_dict().items()}
    save_file(weights, arguments.output / "digits.safetensors")
    print(f"held-out accuracy {accuracy(average.model, held_out):.4f} of {len(held_out)} digits", flush=True)


if __name__ == "__main__":
    main()
