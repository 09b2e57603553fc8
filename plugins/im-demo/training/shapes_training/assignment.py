"""Which anchor point answers for which true box: task-aligned assignment.

TOOD (Feng et al. 2021, arXiv:2108.07755, section 3.2): a point's alignment with a box is
score ** ALPHA * overlap ** BETA; the `TOP_POINTS` best aligned points inside a box learn it, and
the best of them is asked for a score equal to the best overlap.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from shapes_training.geometry import complete_iou

ALPHA, BETA = 0.5, 6.0
TOP_POINTS = 10
EPSILON = 1e-9


@dataclass(frozen=True)
class Targets:
    """What every point should say.

    Attributes:
        scores: (b, n, classes) wanted class scores; a row of zeros is background.
        boxes: (b, n, 4) wanted boxes, x1 y1 x2 y2 in input pixels.
        foreground: (b, n) bool, the points that answer for a box.
    """

    scores: Tensor
    boxes: Tensor
    foreground: Tensor


def _inside(points: Tensor, boxes: Tensor) -> Tensor:
    """Tell (b, m, n) which points (n, 2) lie inside which boxes (b, m, 4)."""
    low = points[None, None] - boxes[:, :, None, :2]
    high = boxes[:, :, None, 2:] - points[None, None]
    return torch.cat([low, high], dim=-1).amin(dim=-1) > EPSILON


def _best_points(alignment: Tensor, candidates: Tensor) -> Tensor:
    """Keep the `TOP_POINTS` best aligned candidates of each box; all arguments (b, m, n)."""
    best = alignment.topk(TOP_POINTS, dim=-1).indices
    kept = torch.zeros_like(candidates).scatter_(-1, best, True)
    return kept & candidates


def _one_box_per_point(chosen: Tensor, overlap: Tensor) -> Tensor:
    """Where several boxes chose one point, leave it to the box it overlaps most."""
    winner = (overlap * chosen).argmax(dim=1, keepdim=True)
    only_winner = torch.zeros_like(chosen).scatter_(1, winner, True)
    contested = chosen.sum(dim=1, keepdim=True) > 1
    return torch.where(contested, only_winner & chosen, chosen)


@torch.no_grad()
def assign(scores: Tensor, boxes: Tensor, points: Tensor, true_boxes: Tensor, true_classes: Tensor) -> Targets:
    """Assign true boxes to points.

    Args:
        scores: (b, n, classes) predicted probabilities.
        boxes: (b, n, 4) predicted boxes, x1 y1 x2 y2 in input pixels.
        points: (n, 2) anchor points.
        true_boxes: (b, m, 4), rows of zeros where a picture has fewer than m boxes.
        true_classes: (b, m) int64.
    """
    real = (true_boxes[..., 2] > true_boxes[..., 0]).unsqueeze(-1)
    candidates = _inside(points, true_boxes) & real
    class_rows = true_classes.unsqueeze(-1).expand(-1, -1, scores.shape[1])
    own_class = scores.transpose(1, 2).gather(1, class_rows)
    overlap = complete_iou(true_boxes.unsqueeze(2), boxes.unsqueeze(1)).clamp(min=0.0)
    overlap = overlap * candidates
    alignment = own_class.pow(ALPHA) * overlap.pow(BETA) * candidates

    chosen = _one_box_per_point(_best_points(alignment, candidates), overlap)
    foreground = chosen.any(dim=1)
    box_of_point = chosen.to(torch.int64).argmax(dim=1)

    alignment, overlap = alignment * chosen, overlap * chosen
    strongest = alignment.amax(dim=-1, keepdim=True)
    wanted = (alignment / (strongest + EPSILON) * overlap.amax(dim=-1, keepdim=True)).amax(dim=1)
    target_boxes = true_boxes.gather(1, box_of_point.unsqueeze(-1).expand(-1, -1, 4))
    classes = true_classes.gather(1, box_of_point)
    target_scores = torch.zeros_like(scores)
    target_scores.scatter_(2, classes.unsqueeze(-1), (wanted * foreground).unsqueeze(-1))
    return Targets(target_scores, target_boxes, foreground)
