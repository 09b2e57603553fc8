"""From logits to boxes, and the module that is exported."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from shapes_training.network import REG_MAX, STRIDES, ShapeDetector


def anchor_points(size: int) -> tuple[Tensor, Tensor]:
    """Return the centres (n, 2) of all cells, x y in input pixels, and their strides (n,).

    The order is that of `ShapeDetector`: stride 8 first, row by row.
    """
    points, strides = [], []
    for stride in STRIDES:
        centres = (torch.arange(size // stride, dtype=torch.float32) + 0.5) * stride
        y, x = torch.meshgrid(centres, centres, indexing="ij")
        points.append(torch.stack([x.flatten(), y.flatten()], dim=1))
        strides.append(torch.full((points[-1].shape[0],), float(stride)))
    return torch.cat(points), torch.cat(strides)


def bin_numbers() -> Tensor:
    """Return (REG_MAX,) float32: 0, 1, ... what each bin of a side's distribution stands for."""
    return torch.arange(REG_MAX, dtype=torch.float32)


def side_distances(box_logits: Tensor, bins: Tensor) -> Tensor:
    """Return (b, 4, n) distances to the sides in strides: the mean of each side's distribution.

    DFL (Li et al. 2020, arXiv:2006.04388, eq. 5): a softmax over `REG_MAX` bins, then the expected
    bin. `box_logits` is (b, 4 * REG_MAX, n), `bins` is what `bin_numbers` returns.
    """
    shares = torch.unflatten(box_logits, 1, (4, REG_MAX)).softmax(dim=2)
    return torch.sum(shares * bins.view(1, 1, REG_MAX, 1), dim=2)


def decode_corners(box_logits: Tensor, points: Tensor, strides: Tensor) -> Tensor:
    """Return (b, n, 4) x1 y1 x2 y2 in input pixels."""
    distances = side_distances(box_logits, bin_numbers()) * strides
    left_top, right_bottom = distances.chunk(2, dim=1)
    centres = points.t().unsqueeze(0)
    return torch.cat([centres - left_top, centres + right_bottom], dim=1).transpose(1, 2)


class ExportedDetector(nn.Module):
    """The detector with decoded output, in the layout of YOLOv8's raw export.

    All constants are buffers, so that a traced copy can be moved to another device.
    """

    points: Tensor
    strides: Tensor
    bins: Tensor

    def __init__(self, detector: ShapeDetector, size: int) -> None:
        super().__init__()
        self.detector = detector
        points, strides = anchor_points(size)
        self.register_buffer("points", points)
        self.register_buffer("strides", strides)
        self.register_buffer("bins", bin_numbers())

    def forward(self, images: Tensor) -> Tensor:
        """Map (b, 3, size, size) float32 RGB 0..1 to (b, 4 + classes, n) float32.

        Rows: centre x, centre y, width, height in input pixels, then class probabilities.
        """
        box_logits, class_logits = self.detector(images)
        distances = side_distances(box_logits, self.bins) * self.strides
        left_top, right_bottom = distances.chunk(2, dim=1)
        centres = self.points.t().unsqueeze(0) + (right_bottom - left_top) / 2.0
        return torch.cat([centres, left_top + right_bottom, class_logits.sigmoid()], dim=1)
