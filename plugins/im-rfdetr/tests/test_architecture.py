"""What the weights say about their network, and what contradicts it."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from attrs import evolve

from im_rfdetr.architecture import read_architecture
from im_rfdetr.sizes import SIZES, Size
from inference_models import CorruptedModelPackageError, InvalidParameterError


def shaped(*shape: int) -> Any:
    return SimpleNamespace(shape=shape)


def weights_of(size: Size, *, classes: int = 91, groups: int = 13, queries: int | None = None) -> dict[str, Any]:
    """Return what looks like the weights of a size: names and shapes, as far as they are read."""
    encoder, queries = size.encoder, queries or size.queries
    weights = {
        "backbone.0.encoder.encoder.embeddings.patch_embeddings.projection.weight": shaped(
            encoder.width, 3, size.patch, size.patch
        ),
        "backbone.0.encoder.encoder.embeddings.position_embeddings": shaped(
            1, size.position_cells**2 + 1, encoder.width
        ),
        "backbone.0.projector.stages.0.0.cv1.conv.weight": shaped(size.width, encoder.width * 4, 1, 1),
        "class_embed.weight": shaped(classes, size.width),
        "refpoint_embed.weight": shaped(queries * groups, 4),
    }
    for layer in range(encoder.layers):
        weights[f"backbone.0.encoder.encoder.encoder.layer.{layer}.norm1.weight"] = shaped(encoder.width)
    for layer in range(size.decoder_layers):
        weights[f"transformer.decoder.layers.{layer}.linear1.weight"] = shaped(2048, size.width)
    for group in range(groups):
        weights[f"transformer.enc_output.{group}.weight"] = shaped(size.width, size.width)
    if size.has_masks:
        weights["segmentation_head.query_features_block.layers.0.weight"] = shaped(4 * size.width, size.width)
    return weights


# As the rf-detr project saves them.
SAID = {
    "patch_size": 16, "num_windows": 2, "dec_layers": 2, "hidden_dim": 256, "sa_nheads": 8, "ca_nheads": 16,
    "dec_n_points": 2, "segmentation_head": False, "out_feature_indexes": [3, 6, 9, 12], "num_queries": 300,
    "resolution": 384, "lr": 1e-4,
}  # fmt: skip


@pytest.mark.parametrize("model_type", SIZES)
def test_every_size_is_read_as_itself(model_type: str) -> None:
    size = SIZES[model_type]
    architecture = read_architecture(weights_of(size), {}, model_type)
    assert architecture.size == size
    assert (architecture.classes, architecture.groups, architecture.feed_forward) == (91, 13, 2048)
    assert architecture.mask_width == (1024 if size.has_masks else None)


def test_what_training_may_change() -> None:
    size = SIZES["rfdetr-nano"]
    weights = weights_of(evolve(size, position_cells=28), classes=5, groups=1, queries=50)
    architecture = read_architecture(weights, {}, "rfdetr-nano")
    assert (architecture.size.resolution, architecture.size.queries, architecture.classes) == (448, 50, 5)
    said = {**SAID, "resolution": 320, "num_queries": 50}
    assert read_architecture(weights, said, "rfdetr-nano").size.resolution == 320


def test_the_base_keeps_the_positions_of_its_encoder() -> None:
    assert read_architecture(weights_of(SIZES["rfdetr-base"]), {}, "rfdetr-base").size.resolution == 560


@pytest.mark.parametrize(
    ("model_type", "message"),
    [
        ("rfdetr-small", "is not of 'rfdetr-small': it has decoder_layers 2 (expected 3). It fits rfdetr-nano."),
        ("rfdetr-base", "it has decoder_layers 2 (expected 3), patch 16 (expected 14)"),
        ("rfdetr-xlarge", "encoder_width 384 (expected 768)"),
        ("rfdetr-seg-nano", "has_masks False (expected True)"),
    ],
)
def test_another_size_than_the_user_says(model_type: str, message: str) -> None:
    with pytest.raises(CorruptedModelPackageError, match=re.escape(message)):
        read_architecture(weights_of(SIZES["rfdetr-nano"]), {}, model_type)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"num_windows": 4}, "it has windows 4 (expected 2)"),
        ({"sa_nheads": 16}, "it has self_heads 16 (expected 8)"),
        ({"out_feature_indexes": [2, 5, 8, 11]}, "it has stages [2, 5, 8, 11] (expected [3, 6, 9, 12])"),
        ({"patch_size": 14}, "says patch_size=14 beside its weights, expected 16 as they are"),
        ({"dec_layers": 3}, "says dec_layers=3 beside its weights, expected 2"),
        ({"num_queries": 200}, "holds 3900 queries in 13 groups, expected 200 in each"),
    ],
)
def test_what_the_checkpoint_says_of_itself_must_fit(said: dict[str, Any], message: str) -> None:
    with pytest.raises(CorruptedModelPackageError, match=re.escape(message)):
        read_architecture(weights_of(SIZES["rfdetr-nano"]), {**SAID, **said}, "rfdetr-nano")


@pytest.mark.parametrize("stated", [78, 0, -32, 32 * 10**6, "384", [384, 384], 384.0])
def test_a_resolution_that_the_network_cannot_take(stated: Any) -> None:
    weights, said = weights_of(SIZES["rfdetr-nano"]), {**SAID, "resolution": stated}
    with pytest.raises(CorruptedModelPackageError, match=r"options state a resolution that cannot be used: .*not "):
        read_architecture(weights, said, "rfdetr-nano")
    assert read_architecture(weights, said, "rfdetr-nano", 448).size.resolution == 448, "what the user says counts"


@pytest.mark.parametrize(
    "said",
    [
        {"num_queries": "x"},
        {"num_queries": 0},
        {"mask_downsample_ratio": "x"},
        {"mask_downsample_ratio": 0},
        {"hidden_dim": np.array([256, 256])},
        {"out_feature_indexes": 5},
        {"out_feature_indexes": [3, 6, 9, np.array([12, 12])]},
    ],
)
def test_what_is_said_must_be_numbers(said: dict[str, Any]) -> None:
    with pytest.raises(CorruptedModelPackageError, match=rf"(?s)says {next(iter(said))}=.* whole number"):
        read_architecture(weights_of(SIZES["rfdetr-nano"]), {**SAID, **said}, "rfdetr-nano")


def test_what_is_said_to_be_none_is_not_said() -> None:
    nothing = dict.fromkeys((*SAID, "mask_downsample_ratio"))
    assert read_architecture(weights_of(SIZES["rfdetr-nano"]), nothing, "rfdetr-nano").mask_downsample == 4


@pytest.mark.parametrize("shape", [(), (3,), (1, 0, 384), (1, 0), (2, 3, 4, 5, 6)])
def test_weights_of_shapes_that_no_network_has(shape: tuple[int, ...]) -> None:
    weights = weights_of(SIZES["rfdetr-seg-nano"])
    for name in weights:
        if name.endswith(("projection.weight", "position_embeddings", "embed.weight", "layers.0.linear1.weight")):
            told = re.escape(f"{name}' is of shape {shape}")
            with pytest.raises(CorruptedModelPackageError, match=told):
                read_architecture({**weights, name: shaped(*shape)}, {}, "rfdetr-seg-nano")


def test_positions_of_a_resolution_that_the_network_cannot_take() -> None:
    weights = weights_of(evolve(SIZES["rfdetr-nano"], position_cells=5))
    with pytest.raises(CorruptedModelPackageError, match=r"position embedding covers .* multiple of 32, not 80\."):
        read_architecture(weights, {}, "rfdetr-nano")


def test_other_networks() -> None:
    weights = weights_of(SIZES["rfdetr-nano"])
    with pytest.raises(CorruptedModelPackageError, match="looks at 2 scales"):
        read_architecture({**weights, "backbone.0.projector.stages.1.0.cv1.conv.weight": shaped(1)}, {}, "rfdetr-nano")
    with pytest.raises(CorruptedModelPackageError, match=r"lacks 'backbone\.0\.encoder.*It holds: fc\.weight"):
        read_architecture({"fc.weight": shaped(3, 4)}, {}, "rfdetr-nano")
    patches = "backbone.0.encoder.encoder.embeddings.patch_embeddings.projection.weight"
    with pytest.raises(CorruptedModelPackageError, match="takes 4 colour planes"):
        read_architecture({**weights, patches: shaped(384, 4, 16, 16)}, {}, "rfdetr-nano")


def test_resolutions_are_multiples_of_the_windows() -> None:
    architecture = read_architecture(weights_of(SIZES["rfdetr-base"]), SAID | {
        "patch_size": 14, "num_windows": 4, "dec_layers": 3, "out_feature_indexes": [2, 5, 8, 11], "resolution": None,
    }, "rfdetr-base")  # fmt: skip
    assert architecture.at(448).size.resolution == 448
    for resolution in (450, 0, -56, 56.0, True, "560"):
        with pytest.raises(InvalidParameterError, match="multiple of 56"):
            architecture.at(resolution)
    with pytest.raises(InvalidParameterError, match="at most 8192 pixels, not 56000000"):
        architecture.at(56_000_000)
