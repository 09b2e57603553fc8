"""From the names of weights in the rf-detr project to those in transformers' RF-DETR. The numbers stay as they are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from inference_models import CorruptedModelPackageError

__all__ = ["IGNORED", "PREFIXES", "rename_weights"]

IGNORED = ("_kp_active_mask",)
"""Buffers that newer releases write for training; detection and segmentation do without."""

PREFIXES = ("model.", "_orig_mod.")
"""What Lightning and torch.compile put before every name."""

_ENCODER_LAYER = r"backbone\.0\.encoder\.encoder\.encoder\.layer\.(\d+)\."
_DECODER_LAYER = r"transformer\.decoder\.layers\.(\d+)\."
_PROJECTOR = r"backbone\.0\.projector\.stages\.0\.0\."
_NEW_PROJECTOR = "model.backbone.projector.projector_layer."
_NEW_ENCODER_LAYER = r"model.backbone.backbone.encoder.layer.\1."
_NEW_DECODER_LAYER = r"model.decoder.layers.\1."

# Tried in turn; the first that fits the whole name counts. Those that stand for all else of a part come after its own.
_RULES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern + r"(?P<rest>.*)", re.DOTALL), new + r"\g<rest>")
    for pattern, new in (
        (_ENCODER_LAYER + r"attention\.attention\.query\.", _NEW_ENCODER_LAYER + "attention.q_proj."),
        (_ENCODER_LAYER + r"attention\.attention\.key\.", _NEW_ENCODER_LAYER + "attention.k_proj."),
        (_ENCODER_LAYER + r"attention\.attention\.value\.", _NEW_ENCODER_LAYER + "attention.v_proj."),
        (_ENCODER_LAYER + r"attention\.output\.dense\.", _NEW_ENCODER_LAYER + "attention.o_proj."),
        (r"backbone\.0\.encoder\.encoder\.", "model.backbone.backbone."),
        (_PROJECTOR + r"m\.(\d+)\.cv(\d)\.bn\.", _NEW_PROJECTOR + r"bottlenecks.\1.conv\2.norm."),
        (_PROJECTOR + r"m\.(\d+)\.cv(\d)\.", _NEW_PROJECTOR + r"bottlenecks.\1.conv\2."),
        (_PROJECTOR + r"cv(\d)\.bn\.", _NEW_PROJECTOR + r"conv\1.norm."),
        (_PROJECTOR + r"cv(\d)\.", _NEW_PROJECTOR + r"conv\1."),
        (r"backbone\.0\.projector\.stages\.0\.1\.", "model.backbone.projector.layer_norm."),
        (_DECODER_LAYER + r"self_attn\.out_proj\.", _NEW_DECODER_LAYER + "self_attn.o_proj."),
        (_DECODER_LAYER + r"norm1\.", _NEW_DECODER_LAYER + "self_attn_layer_norm."),
        (_DECODER_LAYER + r"norm2\.", _NEW_DECODER_LAYER + "cross_attn_layer_norm."),
        (_DECODER_LAYER + r"norm3\.", _NEW_DECODER_LAYER + "layer_norm."),
        (_DECODER_LAYER + r"linear(\d)\.", _NEW_DECODER_LAYER + r"mlp.fc\2."),
        (r"transformer\.decoder\.norm\.", "model.decoder.layernorm."),
        (r"transformer\.", "model."),
        (r"refpoint_embed\.", "model.reference_point_embed."),
        (r"query_feat\.", "model.query_feat."),
        (r"(class_embed|bbox_embed)\.", r"\1."),
    )
)

_MASK_RULES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(r"segmentation_head\." + pattern + r"(?P<rest>.*)", re.DOTALL), new + r"\g<rest>")
    for pattern, new in (
        (r"bias$", "segmentation_bias"),
        (r"blocks\.(\d+)\.dwconv\.", r"blocks.\1.depthwise_conv."),
        (r"blocks\.(\d+)\.norm\.", r"blocks.\1.layernorm."),
        (r"blocks\.(\d+)\.pwconv1\.", r"blocks.\1.pointwise_conv."),
        (r"query_features_block\.norm_in\.", "query_features_block.norm."),
        (r"query_features_block\.layers\.0\.", "query_features_block.mlp.fc1."),
        (r"query_features_block\.layers\.2\.", "query_features_block.mlp.fc2."),
        (r"(spatial_features_proj|query_features_proj)\.", r"\1."),
    )
)

_JOINED = re.compile(r"transformer\.decoder\.layers\.(\d+)\.self_attn\.in_proj_(weight|bias)")


def rename_weights(weights: Mapping[str, Any], *, has_masks: bool) -> dict[str, Any]:
    """Return weights of the rf-detr project under the names that transformers gives them.

    Args:
        weights: tensors by name. Names of transformers are not taken.
        has_masks: whether the network segments. Its detector is then one level deeper.

    Returns:
        The same tensors; those of self-attention that are stored as one are split into three views.

    Raises:
        CorruptedModelPackageError: some names are not those of this network. The message lists them.
    """
    renamed: dict[str, Any] = {}
    strangers = []
    outer = "model." if has_masks else ""
    for name, tensor in weights.items():
        if name in IGNORED:
            continue
        if match := _JOINED.fullmatch(name):
            for key, part in zip(("q_proj", "k_proj", "v_proj"), tensor.chunk(3), strict=True):
                renamed[f"{outer}model.decoder.layers.{match[1]}.self_attn.{key}.{match[2]}"] = part
        elif (new := _apply(_RULES, name)) is not None:
            renamed[outer + new] = tensor
        elif has_masks and (new := _apply(_MASK_RULES, name)) is not None:
            renamed[new] = tensor
        else:
            strangers.append(name)
    if strangers:
        raise CorruptedModelPackageError(
            f"The checkpoint holds weights that this network does not have: {_listed(strangers)}. Check model_type: "
            f"only detectors and segmenters of the rf-detr project can be loaded."
        )
    return renamed


def _apply(rules: Iterable[tuple[re.Pattern[str], str]], name: str) -> str | None:
    for pattern, new in rules:
        if match := pattern.fullmatch(name):
            return match.expand(new)
    return None


def _listed(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
