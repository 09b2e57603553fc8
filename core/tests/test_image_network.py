"""A session that takes images: what it must fit, where its images are prepared, and in which batches it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from attrs import evolve

from inference_models import CorruptedModelPackageError, ModelLoadingError
from inference_models.developer_tools import (
    BatchSizes,
    ForwardPass,
    ImageDimensions,
    ImageNetwork,
    InferenceConfig,
    ModelPackageMetadata,
    NetworkInput,
    ResizeMode,
    TensorInfo,
    TrainingInputSize,
)
from inference_models.testing import FakeSession
from inference_models.vision.inference_config import DynamicSpatialSizeMode

CONFIG = InferenceConfig(
    NetworkInput(
        training_input_size=TrainingInputSize(4, 6),
        dynamic_spatial_size_supported=False,
        color_mode="rgb",
        resize_mode=ResizeMode.STRETCH,
        input_channels=3,
    )
)


def session(*shape: int | None, dtype: str = "float32", **options: Any) -> FakeSession:
    """Return a session that says the mean of each image."""
    images = TensorInfo("x", shape or (None, 3, 4, 6), dtype)
    return FakeSession(lambda feeds: {"mean": feeds["x"].mean((1, 2, 3))}, [images], **options)


def images(count: int) -> Any:
    return np.repeat(np.arange(count, dtype=np.float32), 72).reshape(count, 3, 4, 6)


@pytest.mark.parametrize(
    ("batch", "forward_pass", "sizes", "runs"),
    [
        (None, ForwardPass(), BatchSizes(1, None), [5]),
        (2, ForwardPass(), BatchSizes(2, 2), [2, 2, 2]),
        (None, ForwardPass(static_batch_size=3), BatchSizes(3, 3), [3, 3]),
        (None, ForwardPass(max_dynamic_batch_size=4), BatchSizes(1, 4), [4, 1]),
    ],
)
def test_images_go_through_in_the_batches_of_the_package(
    batch: int | None, forward_pass: ForwardPass, sizes: BatchSizes, runs: list[int]
) -> None:
    opened = session(batch, 3, 4, 6)
    network = ImageNetwork.from_session(opened, evolve(CONFIG, forward_pass=forward_pass))
    assert network.batch_sizes == sizes
    assert network.run(images(5))["mean"].tolist() == [0, 1, 2, 3, 4]
    assert [len(feeds["x"]) for feeds in opened.runs] == runs
    assert [run.size for run in network.run_in_batches(images(5))] == runs


def test_the_metadata_has_a_say_in_the_batches() -> None:
    stated = ModelPackageMetadata(package_id="p", backend="onnx", directory=Path("p"), static_batch_size=2)
    assert ImageNetwork.from_session(session(), CONFIG, stated).batch_sizes == BatchSizes(2, 2)
    with pytest.raises(CorruptedModelPackageError, match=r"a batch of 3, but static_batch_size .* 2"):
        ImageNetwork.from_session(session(3, 3, 4, 6), CONFIG, stated)


@pytest.mark.parametrize("shape", [(None, 1, 4, 6), (None, 3)])
def test_what_takes_no_images_is_refused(shape: Any) -> None:
    opened = session(*shape)
    with pytest.raises(CorruptedModelPackageError, match="one input of shape"):
        ImageNetwork.from_session(opened, CONFIG)
    assert not opened.closed  # who opened it closes it


def test_images_reach_the_network_in_its_own_kind() -> None:
    torch = pytest.importorskip("torch")
    for kind, given in (("torch", images(2)), ("numpy", torch.from_numpy(images(2)))):
        opened = session(array_kind=kind)
        network = ImageNetwork.from_session(opened, CONFIG)
        assert network.device is None
        assert network.run(given)["mean"].tolist() == [0, 1]
        assert isinstance(opened.runs[0]["x"], torch.Tensor if kind == "torch" else np.ndarray)


def test_images_are_prepared_on_the_device_of_tensors() -> None:
    assert ImageNetwork.from_session(session(array_kind="torch", device="cuda:1"), CONFIG).device == "cuda:1"
    assert ImageNetwork.from_session(session(device="cuda:1"), CONFIG).device is None


def test_the_input_is_made_as_network_and_config_agree() -> None:
    whole = session(None, 3, 4, 6, dtype="float16")
    made = ImageNetwork.from_session(whole, CONFIG).make_pre_processor(CONFIG)
    assert (made.input_size.default, made.input_size.dynamic, made.dtype) == (ImageDimensions(4, 6), False, "float16")
    assert made(np.zeros((9, 9, 3), np.uint8))[0].shape == (1, 3, 4, 6)


def test_a_network_of_any_size_leaves_it_to_the_config() -> None:
    any_size = evolve(
        CONFIG.network_input,
        training_input_size=None,
        dynamic_spatial_size_supported=True,
        dynamic_spatial_size_mode=DynamicSpatialSizeMode("any-size"),
    )
    config = evolve(CONFIG, network_input=any_size)
    fixed = ImageNetwork.from_session(session(None, 3, 4, 6), config).make_pre_processor(config)
    assert (fixed.input_size.default, fixed.input_size.dynamic) == (ImageDimensions(4, 6), False)
    free = session(None, 3, None, None)
    with pytest.raises(CorruptedModelPackageError):  # nobody says how large
        ImageNetwork.from_session(free, config).make_pre_processor(config)
    sized = evolve(CONFIG, network_input=evolve(any_size, training_input_size=TrainingInputSize(4, 6)))
    assert ImageNetwork.from_session(free, sized).make_pre_processor(sized).input_size.dynamic


def test_an_input_that_cannot_be_made_is_refused() -> None:
    other = ImageNetwork.from_session(session(None, 3, 8, 8), CONFIG)
    with pytest.raises(CorruptedModelPackageError, match=r"8x8.*4x6"):
        other.make_pre_processor(CONFIG)
    doubles = ImageNetwork.from_session(session(dtype="float64"), CONFIG)
    with pytest.raises(ModelLoadingError, match="float64"):
        doubles.make_pre_processor(CONFIG)
