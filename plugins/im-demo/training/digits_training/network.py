"""A small ResNet (He et al. 2015, arXiv:1512.03385) in plain torch, its weights named as torchvision and timm do."""

from __future__ import annotations

import torch
from torch import Tensor, nn

STEM_WIDTH = 16
WIDTHS = (16, 32, 64)
DEPTHS = (2, 2, 1)
INPUT_SIZE = 64


class BasicBlock(nn.Module):
    """Two 3x3 convolutions, and the input added to what they give."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample: nn.Module | None = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """Map (b, inputs, h, w) to (b, outputs, h / stride, w / stride)."""
        shortcut = x if self.downsample is None else self.downsample(x)
        y: Tensor = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(y)) + shortcut)


class DigitReader(nn.Module):
    """102 thousand parameters: (b, 3, 64, 64) RGB 0..1 to (b, 10) logits."""

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, STEM_WIDTH, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(STEM_WIDTH)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        inputs = STEM_WIDTH
        for number, (width, depth) in enumerate(zip(WIDTHS, DEPTHS, strict=True), start=1):
            strides = [2 if number > 1 else 1] + [1] * (depth - 1)
            blocks = [
                BasicBlock(inputs if place == 0 else width, width, stride) for place, stride in enumerate(strides)
            ]
            self.add_module(f"layer{number}", nn.Sequential(*blocks))
            inputs = width
        self.fc = nn.Linear(inputs, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits of each picture."""
        y: Tensor = self.maxpool(torch.relu(self.bn1(self.conv1(x))))
        for number in range(1, len(WIDTHS) + 1):
            y = self.get_submodule(f"layer{number}")(y)
        logits: Tensor = self.fc(y.mean(dim=(2, 3)))
        return logits
