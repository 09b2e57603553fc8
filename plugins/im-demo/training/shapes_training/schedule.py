"""Learning rate, and the running average of the weights."""

from __future__ import annotations

import copy
import math

import torch
from torch import nn

PEAK_RATE = 3e-3
FINAL_SHARE = 0.02
WARM_UP_STEPS = 100
SLOWEST_DECAY = 0.998


def learning_rate(step: int, steps: int) -> float:
    """Return the rate of a step: a linear warm-up, then half a cosine down to `FINAL_SHARE`."""
    if step < WARM_UP_STEPS:
        return PEAK_RATE * (step + 1) / WARM_UP_STEPS
    done = (step - WARM_UP_STEPS) / max(steps - WARM_UP_STEPS, 1)
    share = FINAL_SHARE + (1.0 - FINAL_SHARE) * (1.0 + math.cos(math.pi * done)) / 2.0
    return PEAK_RATE * share


class RunningAverage:
    """An exponential moving average of a model's weights and batch-norm statistics."""

    def __init__(self, model: nn.Module) -> None:
        self.model = copy.deepcopy(model).eval().requires_grad_(False)

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Move the average towards `model`; early steps count more, so the start is forgotten."""
        decay = min(SLOWEST_DECAY, (1.0 + step) / (10.0 + step))
        current = model.state_dict()
        for name, kept in self.model.state_dict().items():
            if kept.dtype.is_floating_point:
                kept.lerp_(current[name], 1.0 - decay)
            else:
                kept.copy_(current[name])
