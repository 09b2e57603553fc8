"""The detector: YOLOv8's architecture at a small width, written from its public description.

Backbone with C2f blocks and SPPF, PAN neck, anchor-free head with one branch for boxes and one for
classes at strides 8, 16 and 32. Sources: CSPNet (Wang et al. 2020, arXiv:1911.11929) for the split
blocks, spatial pyramid pooling (He et al. 2014, arXiv:1406.4729), PANet (Liu et al. 2018,
arXiv:1803.01534), the decoupled head of YOLOX (Ge et al. 2021, arXiv:2107.08430), distribution
focal loss (Li et al. 2020, arXiv:2006.04388) for box sides as distributions over `REG_MAX` bins.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

STRIDES = (8, 16, 32)
REG_MAX = 16
CLASS_PRIOR = 0.01
"""Class probability that an untrained head gives (focal loss, arXiv:1708.02002, section 4.1)."""


@dataclass(frozen=True)
class Widths:
    """Channels after the stem and after each of the four stages, and inside the head."""

    stem: int = 16
    stages: tuple[int, int, int, int] = (24, 40, 64, 96)
    head: int = 32


class ConvUnit(nn.Module):
    """Convolution, batch normalisation, SiLU."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
        self.norm: nn.Module = nn.BatchNorm2d(outputs, eps=1e-3, momentum=0.03)
        self.act = nn.SiLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """Map (b, inputs, h, w) to (b, outputs, h / stride, w / stride)."""
        y: Tensor = self.act(self.norm(self.conv(x)))
        return y


class Bottleneck(nn.Module):
    """Two 3x3 convolutions, with the input added when `residual`."""

    def __init__(self, channels: int, residual: bool) -> None:
        super().__init__()
        self.first = ConvUnit(channels, channels)
        self.second = ConvUnit(channels, channels)
        self.residual = residual

    def forward(self, x: Tensor) -> Tensor:
        """Map (b, channels, h, w) to the same shape."""
        y: Tensor = self.second(self.first(x))
        return x + y if self.residual else y


class C2f(nn.Module):
    """Split the channels in two, run one half through bottlenecks, join every step's output."""

    def __init__(self, inputs: int, outputs: int, depth: int, residual: bool) -> None:
        super().__init__()
        self.share = outputs // 2
        self.enter = ConvUnit(inputs, 2 * self.share, kernel=1)
        self.steps = nn.ModuleList(Bottleneck(self.share, residual) for _ in range(depth))
        self.leave = ConvUnit((2 + depth) * self.share, outputs, kernel=1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (b, inputs, h, w) to (b, outputs, h, w)."""
        parts = list(self.enter(x).split(self.share, dim=1))
        for step in self.steps:
            parts.append(step(parts[-1]))
        y: Tensor = self.leave(torch.cat(parts, dim=1))
        return y


class Sppf(nn.Module):
    """Spatial pyramid pooling as three 5x5 max poolings in a row (they see 5, 9 and 13 pixels)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.enter = ConvUnit(channels, half, kernel=1)
        self.pool = nn.MaxPool2d(5, stride=1, padding=2)
        self.leave = ConvUnit(4 * half, channels, kernel=1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (b, channels, h, w) to the same shape."""
        parts = [self.enter(x)]
        for _ in range(3):
            parts.append(self.pool(parts[-1]))
        y: Tensor = self.leave(torch.cat(parts, dim=1))
        return y


class Backbone(nn.Module):
    """Five halvings of the size; the last three feed the neck."""

    def __init__(self, widths: Widths) -> None:
        super().__init__()
        one, two, three, four = widths.stages
        self.stem = ConvUnit(3, widths.stem, stride=2)
        self.stage1 = nn.Sequential(ConvUnit(widths.stem, one, stride=2), C2f(one, one, 1, True))
        self.stage2 = nn.Sequential(ConvUnit(one, two, stride=2), C2f(two, two, 2, True))
        self.stage3 = nn.Sequential(ConvUnit(two, three, stride=2), C2f(three, three, 2, True))
        self.stage4 = nn.Sequential(ConvUnit(three, four, stride=2), C2f(four, four, 1, True), Sppf(four))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Map (b, 3, h, w) to the feature maps at strides 8, 16 and 32."""
        fine = self.stage2(self.stage1(self.stem(x)))
        middle = self.stage3(fine)
        return fine, middle, self.stage4(middle)


class Neck(nn.Module):
    """Top-down then bottom-up path over the three feature maps."""

    def __init__(self, fine: int, middle: int, coarse: int) -> None:
        super().__init__()
        self.up = nn.Upsample(scale_factor=2.0, mode="nearest")
        self.down_to_middle = C2f(coarse + middle, middle, 1, False)
        self.down_to_fine = C2f(middle + fine, fine, 1, False)
        self.shrink_fine = ConvUnit(fine, fine, stride=2)
        self.back_to_middle = C2f(fine + middle, middle, 1, False)
        self.shrink_middle = ConvUnit(middle, middle, stride=2)
        self.back_to_coarse = C2f(middle + coarse, coarse, 1, False)

    def forward(self, fine: Tensor, middle: Tensor, coarse: Tensor) -> tuple[Tensor, ...]:
        """Return three maps of the given shapes, each of which has seen the other two."""
        middle_down = self.down_to_middle(torch.cat([self.up(coarse), middle], dim=1))
        fine_out = self.down_to_fine(torch.cat([self.up(middle_down), fine], dim=1))
        middle_out = self.back_to_middle(torch.cat([self.shrink_fine(fine_out), middle_down], dim=1))
        coarse_out = self.back_to_coarse(torch.cat([self.shrink_middle(middle_out), coarse], dim=1))
        return fine_out, middle_out, coarse_out


def _branch(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(ConvUnit(inputs, hidden), ConvUnit(hidden, hidden), nn.Conv2d(hidden, outputs, 1))


class ShapeDetector(nn.Module):
    """The whole network, up to the logits."""

    def __init__(self, classes: int, widths: Widths | None = None) -> None:
        super().__init__()
        widths = widths if widths is not None else Widths()
        levels = widths.stages[1:]
        self.classes = classes
        self.backbone = Backbone(widths)
        self.neck = Neck(*levels)
        self.box_branches = nn.ModuleList(_branch(c, widths.head, 4 * REG_MAX) for c in levels)
        self.class_branches = nn.ModuleList(_branch(c, widths.head, classes) for c in levels)
        for branch in self.class_branches:
            last = branch.get_submodule("2")
            assert isinstance(last, nn.Conv2d)
            assert last.bias is not None
            nn.init.constant_(last.bias, math.log(CLASS_PRIOR / (1.0 - CLASS_PRIOR)))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Map images to logits, one column per anchor point (fine maps first, row by row).

        Args:
            images: (b, 3, h, w) float32, RGB, 0..1; h and w are multiples of 32.

        Returns:
            Box logits (b, 4 * REG_MAX, n) for the left, top, right and bottom side, and class
            logits (b, classes, n); n is 2100 at 320x320.
        """
        maps = self.neck(*self.backbone(images))
        boxes = [branch(m).flatten(2) for branch, m in zip(self.box_branches, maps, strict=True)]
        classes = [branch(m).flatten(2) for branch, m in zip(self.class_branches, maps, strict=True)]
        return torch.cat(boxes, dim=2), torch.cat(classes, dim=2)
