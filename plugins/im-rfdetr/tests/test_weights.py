"""The names of weights, against a table written down the other way round."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from im_rfdetr.architecture import read_architecture
from im_rfdetr.network import build_network
from im_rfdetr.weights import rename_weights
from inference_models import CorruptedModelPackageError

TYPES = {False: "rfdetr-nano", True: "rfdetr-seg-nano"}


@pytest.fixture(params=[False, True], ids=["detector", "segmenter"])
def network(request: pytest.FixtureRequest, bench, torch_bench, tiny_sizes) -> Any:
    return torch_bench.network(evolve(bench.TINY, has_masks=request.param))


def has_masks(network: Any) -> bool:
    return hasattr(network, "segmentation_bias")


def test_every_weight_finds_its_place(network, torch_bench) -> None:
    old = torch_bench.old_weights(network)
    assert sum("in_proj" in name for name in old) == 4
    assert all(
        name.startswith(
            (
                "backbone.",
                "transformer.",
                "class_embed.",
                "bbox_embed.",
                "segmentation_head.",
                "refpoint_embed.",
                "query_feat.",
            )
        )
        for name in old
    )
    renamed = rename_weights(old, has_masks=has_masks(network))
    expected = network.state_dict()
    assert set(renamed) == set(expected)
    assert all(torch_bench.torch.equal(renamed[name], expected[name]) for name in expected)


def test_the_built_network_has_these_weights_and_no_others(network, torch_bench) -> None:
    old = torch_bench.old_weights(network)
    built = build_network(read_architecture(old, {}, TYPES[has_masks(network)]))
    shapes = {name: tuple(tensor.shape) for name, tensor in built.state_dict().items()}
    assert shapes == {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    assert all(tensor.is_meta for tensor in built.state_dict().values())
    assert not list(built.buffers())


def test_a_buffer_that_newer_releases_write_is_left_out(network, torch_bench) -> None:
    old = torch_bench.old_weights(network)
    expected = set(rename_weights(old, has_masks=has_masks(network)))
    old["_kp_active_mask"] = torch_bench.torch.zeros(0, 0)
    assert set(rename_weights(old, has_masks=has_masks(network))) == expected


@pytest.mark.parametrize("name", ["keypoint_embed.weight", "backbone.0.projector.stages.0.2.weight", "transformed.x"])
def test_unknown_weights_are_named(torch_bench, bench, name: str) -> None:
    old = torch_bench.old_weights(torch_bench.network(bench.TINY))
    old[name] = torch_bench.torch.zeros(1)
    with pytest.raises(CorruptedModelPackageError, match=f"does not have: {name}"):
        rename_weights(old, has_masks=False)


def test_masks_are_no_detectors(torch_bench, bench) -> None:
    old = torch_bench.old_weights(torch_bench.network(evolve(bench.TINY, has_masks=True)))
    with pytest.raises(CorruptedModelPackageError, match=r"segmentation_head\.\S+, .* and \d+ more"):
        rename_weights(old, has_masks=False)
