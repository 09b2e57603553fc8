"""Overlap of boxes, in torch and differentiable."""

from __future__ import annotations

import math

import torch
from torch import Tensor

EPSILON = 1e-7


def complete_iou(first: Tensor, second: Tensor) -> Tensor:
    """Return the CIoU (..., ) of boxes (..., 4) x1 y1 x2 y2; the shapes broadcast.

    Complete IoU (Zheng et al. 2020, arXiv:1911.08287, eq. 8-11): the IoU, less the distance of the
    centres over the diagonal of the common frame, less a term for unlike proportions.
    """
    size_a, size_b = first[..., 2:] - first[..., :2], second[..., 2:] - second[..., :2]
    overlap_low = torch.maximum(first[..., :2], second[..., :2])
    overlap_high = torch.minimum(first[..., 2:], second[..., 2:])
    overlap = (overlap_high - overlap_low).clamp(min=0.0).prod(dim=-1)
    union = size_a.prod(dim=-1) + size_b.prod(dim=-1) - overlap + EPSILON
    iou = overlap / union
    frame_low = torch.minimum(first[..., :2], second[..., :2])
    frame_high = torch.maximum(first[..., 2:], second[..., 2:])
    diagonal = (frame_high - frame_low).pow(2).sum(dim=-1) + EPSILON
    centres = first[..., :2] + first[..., 2:] - second[..., :2] - second[..., 2:]
    distance = centres.pow(2).sum(dim=-1) / 4.0
    angle_a = torch.atan(size_a[..., 0] / (size_a[..., 1] + EPSILON))
    angle_b = torch.atan(size_b[..., 0] / (size_b[..., 1] + EPSILON))
    proportions = (4.0 / math.pi**2) * (angle_a - angle_b).pow(2)
    with torch.no_grad():
        weight = proportions / (1.0 - iou + proportions + EPSILON)
    return iou - distance / diagonal - weight * proportions
