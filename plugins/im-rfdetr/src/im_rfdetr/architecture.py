"""How the network of a checkpoint is built: read off its weights, and compared with what its size and it itself say."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from attrs import evolve, frozen

from im_rfdetr.sizes import SIZES, Size
from inference_models import CorruptedModelPackageError, InvalidParameterError

__all__ = ["Architecture", "read_architecture"]

_MASK_LAYER = "segmentation_head.query_features_block.layers.0.weight"
_EMBEDDINGS = "backbone.0.encoder.encoder.embeddings."
# Of what a checkpoint says beside its weights: the names there, and those of the table of sizes.
_SAID = {
    "patch_size": "patch",
    "num_windows": "windows",
    "dec_layers": "decoder_layers",
    "hidden_dim": "width",
    "sa_nheads": "self_heads",
    "ca_nheads": "cross_heads",
    "dec_n_points": "points",
    "segmentation_head": "has_masks",
}
_STAGES = "out_feature_indexes"
_NUMBERS = (*_SAID, "num_queries", "mask_downsample_ratio")
_MOST_PIXELS = 8192  # of the input's height; a network of ten times the largest size's
_READ = ("patch", "decoder_layers", "width", "encoder_width", "encoder_layers", "has_masks")


@frozen(kw_only=True)
class Architecture:
    """How a network is built.

    Attributes:
        size: what the table of sizes says, with what the checkpoint has of its own: resolution, queries and cells.
        groups: copies of the queries, of which all but the first serve training.
        classes: how many scores each query has.
        feed_forward: width of the decoder's inner layers.
        mask_width: width of the inner layer that reads queries for masks; None where there are no masks.
        mask_downsample: pixels of the input per pixel of a mask.
    """

    size: Size
    groups: int
    classes: int
    feed_forward: int
    mask_width: int | None = None
    mask_downsample: int = 4

    def at(self, resolution: int) -> Architecture:
        """Return the same network for pictures of another height and width.

        Raises:
            InvalidParameterError: the network's windows do not divide them, or they are too many to be meant.
        """
        step = self.size.patch * self.size.windows
        if not isinstance(resolution, int) or isinstance(resolution, bool) or resolution < step or resolution % step:
            raise InvalidParameterError(
                f"The network looks at {self.size.windows} x {self.size.windows} windows of patches of "
                f"{self.size.patch} pixels, so its resolution is a multiple of {step}, not {resolution!r}."
            )
        if resolution > _MOST_PIXELS:
            raise InvalidParameterError(
                f"A resolution is at most {_MOST_PIXELS} pixels, not {resolution}: the network costs more than the "
                f"square of it."
            )
        return evolve(self, size=evolve(self.size, resolution=resolution))


def read_architecture(
    weights: Mapping[str, Any], said: Mapping[str, Any], model_type: str, resolution: int | None = None
) -> Architecture:
    """Return how the network is built whose weights these are.

    Args:
        weights: tensors by the names of the rf-detr project.
        said: what the checkpoint says beside its weights, by the names of the rf-detr project; empty when nothing.
        model_type: a key of `SIZES`.
        resolution: height and width of the pictures it is to take. Default: those of its training.

    Raises:
        InvalidParameterError: the network cannot take pictures of `resolution`.
        CorruptedModelPackageError: the weights are not those of RF-DETR, or contradict `model_type` or `said`. The
            message says what was expected and what was found.
    """
    size, said = SIZES[model_type], _checked(said)
    read = _measure(weights)
    if read["projectors"] != 1:
        raise CorruptedModelPackageError(
            f"The checkpoint's network looks at {read['projectors']} scales of the picture; supported: 1. It is of a "
            f"size that was withdrawn; train one of {', '.join(SIZES)}."
        )
    _compare(size, read, said, model_type)
    queries, rest = divmod(read["query_rows"], read["groups"])
    if rest or said.get("num_queries", queries) != queries:
        raise CorruptedModelPackageError(
            f"The checkpoint holds {read['query_rows']} queries in {read['groups']} groups, expected "
            f"{said.get('num_queries', size.queries)} in each. Save it again with the release that trained it."
        )
    architecture = Architecture(
        size=evolve(size, queries=queries, position_cells=read["cells"]),
        groups=read["groups"],
        classes=read["classes"],
        feed_forward=read["feed_forward"],
        mask_width=read["mask_width"],
        mask_downsample=said.get("mask_downsample_ratio", 4),
    )
    return _trained(architecture, size, said) if resolution is None else architecture.at(resolution)


def _checked(said: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is said, without what is None. Raises CorruptedModelPackageError for what is of a wrong type."""
    stated = {name: value for name, value in said.items() if value is not None}
    for name in _NUMBERS:
        value = stated.get(name, 1)
        if not isinstance(value, int) or (value < 1 and name not in _SAID):
            raise CorruptedModelPackageError(
                f"The checkpoint says {name}={value!r:.80} beside its weights, expected a positive whole number. Save "
                f"it again."
            )
    stages = stated.get(_STAGES, ())
    if not isinstance(stages, (list, tuple)) or not all(isinstance(stage, int) for stage in stages):
        raise CorruptedModelPackageError(
            f"The checkpoint says {_STAGES}={stages!r:.80} beside its weights, expected a list of whole numbers. Save "
            f"it again."
        )
    return stated


def _shape(weights: Mapping[str, Any], name: str, axes: int) -> tuple[int, ...]:
    if name not in weights:
        raise CorruptedModelPackageError(
            f"The checkpoint lacks {name!r}, so it is none of an RF-DETR network. It holds: "
            f"{', '.join(sorted(weights)[:5]) or 'nothing'}, ..."
        )
    shape = tuple(weights[name].shape)
    if len(shape) != axes or 0 in shape:
        raise CorruptedModelPackageError(
            f"The checkpoint's {name!r} is of shape {shape}, expected {axes} axes and something on each: it is none of "
            f"an RF-DETR network, or damaged. Save it again."
        )
    return shape


def _measure(weights: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the shapes and names of the weights say."""

    def count(pattern: str) -> int:
        return len({match[1] for name in weights if (match := re.match(pattern, name))})

    patches = _shape(weights, _EMBEDDINGS + "patch_embeddings.projection.weight", 4)
    classes, width = _shape(weights, "class_embed.weight", 2)
    has_masks = any(name.startswith("segmentation_head.") for name in weights)
    if patches[1] != 3:
        raise CorruptedModelPackageError(f"The checkpoint's network takes {patches[1]} colour planes; supported: 3.")
    return {
        "patch": patches[-1],
        "encoder_width": patches[0],
        "encoder_layers": count(r"backbone\.0\.encoder\.encoder\.encoder\.layer\.(\d+)\."),
        "cells": math.isqrt(_shape(weights, _EMBEDDINGS + "position_embeddings", 3)[1] - 1),
        "projectors": count(r"backbone\.0\.projector\.stages\.(\d+)\."),
        "width": width,
        "classes": classes,
        "decoder_layers": count(r"transformer\.decoder\.layers\.(\d+)\."),
        "feed_forward": _shape(weights, "transformer.decoder.layers.0.linear1.weight", 2)[0],
        "groups": max(count(r"transformer\.enc_output\.(\d+)\."), 1),
        "query_rows": _shape(weights, "refpoint_embed.weight", 2)[0],
        "has_masks": has_masks,
        "mask_width": _shape(weights, _MASK_LAYER, 2)[0] if has_masks else None,
    }


def _compare(size: Size, read: Mapping[str, Any], said: Mapping[str, Any], model_type: str) -> None:
    expected = {name: _of(size, name) for name in {*_READ, *_SAID.values()}}
    found = {name: read[name] for name in _READ}
    for theirs, name in _SAID.items():
        value = said.get(theirs)
        if value is None:
            continue
        if name in found and found[name] != value:
            raise CorruptedModelPackageError(
                f"The checkpoint says {theirs}={value!r} beside its weights, expected {found[name]!r} as they are. "
                f"It was put together from two networks; save it again."
            )
        found[name] = value
    stages = said.get(_STAGES)
    if stages is not None:
        expected["stages"], found["stages"] = list(size.stages), list(stages)
    wrong = {name: value for name, value in found.items() if value != expected[name]}
    if wrong:
        differences = ", ".join(f"{name} {value} (expected {expected[name]})" for name, value in sorted(wrong.items()))
        fitting = [name for name, other in SIZES.items() if all(found[key] == _of(other, key) for key in _READ)]
        advice = f"It fits {' and '.join(fitting)}" if fitting else "It fits none of the known sizes"
        raise CorruptedModelPackageError(f"The checkpoint is not of {model_type!r}: it has {differences}. {advice}.")


def _of(size: Size, name: str) -> Any:
    if name == "encoder_width":
        return size.encoder.width
    return size.encoder.layers if name == "encoder_layers" else getattr(size, name)


def _trained(architecture: Architecture, size: Size, said: Mapping[str, Any]) -> Architecture:
    """Return the network at what it was trained at: what the checkpoint says, or its position embedding covers."""
    covers_the_input = size.position_cells * size.patch == size.resolution
    covered = architecture.size.position_cells * size.patch if covers_the_input else size.resolution
    stated = said.get("resolution")
    try:
        return architecture.at(covered if stated is None else stated)
    except InvalidParameterError as error:
        source = "position embedding covers" if stated is None else "options state"
        raise CorruptedModelPackageError(
            f"The checkpoint's {source} a resolution that cannot be used: {error.message} Pass resolution= to load it "
            f"at another, or save it again."
        ) from None
