"""What an engine takes and gives: names, dtypes, and the range of sizes of each of its profiles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from attrs import frozen

from im_backend_trt.engine import Engine
from inference_models import ModelLoadingError
from inference_models.developer_tools import TensorInfo

Shape: TypeAlias = tuple[int, ...]

# TensorRT's names of element types and torch's; types of less than a byte have no tensors.
_DTYPES = {
    "FLOAT": "float32",
    "HALF": "float16",
    "BF16": "bfloat16",
    "INT8": "int8",
    "UINT8": "uint8",
    "INT32": "int32",
    "INT64": "int64",
    "BOOL": "bool",
    "FP8": "float8_e4m3fn",
}


@frozen
class Port:
    """An input or output: what is known about it, and the `torch.dtype` of its tensors."""

    info: TensorInfo
    dtype: Any


@frozen
class Profile:
    """A range of sizes that the engine was tuned for: by input, the smallest and the largest shape."""

    index: int
    ranges: Mapping[str, tuple[Shape, Shape]]

    def takes(self, shapes: Mapping[str, Shape]) -> bool:
        """Return whether every input's shape is in its range."""
        return all(_within(shape, *self.ranges[name]) for name, shape in shapes.items())


@frozen
class Layout:
    """What an engine takes and gives."""

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    profiles: tuple[Profile, ...]

    @property
    def batch_range(self) -> tuple[int, int]:
        """The smallest and the largest batch: the first axis of the first input."""
        name = self.inputs[0].info.name
        sizes = [shape[0] for profile in self.profiles for shape in profile.ranges[name] if shape]
        return min(sizes, default=1), max(sizes, default=1)

    def profile_for(self, shapes: Mapping[str, Shape]) -> Profile | None:
        """Return the first profile that takes these shapes; None when none does."""
        return next((profile for profile in self.profiles if profile.takes(shapes)), None)


def _within(shape: Shape, smallest: Shape, largest: Shape) -> bool:
    return len(shape) == len(smallest) and all(
        low <= size <= high for low, size, high in zip(smallest, shape, largest, strict=True)
    )


def read_layout(loaded: Engine) -> Layout:
    """Ask an engine.

    Raises:
        ModelLoadingError: it has no inputs, or some that only its own plugins can fill.
    """
    engine, trt = loaded.engine, loaded.trt
    names = [engine.get_tensor_name(index) for index in range(engine.num_io_tensors)]
    inputs = [name for name in names if engine.get_tensor_mode(name) == trt.TensorIOMode.INPUT]
    if not inputs:
        raise ModelLoadingError(f"{loaded.path} has no inputs, so there is nothing to run it on. Build it again.")
    for name in names:
        _check_plain(loaded, name)
    profiles = tuple(
        Profile(index, {name: _range(engine, name, index) for name in inputs})
        for index in range(max(1, engine.num_optimization_profiles))
    )
    return Layout(
        inputs=tuple(_port(loaded, name, _common_shape(profiles, name)) for name in inputs),
        outputs=tuple(
            _port(loaded, name, tuple(engine.get_tensor_shape(name))) for name in names if name not in inputs
        ),
        profiles=profiles,
    )


def _check_plain(loaded: Engine, name: str) -> None:
    engine, trt = loaded.engine, loaded.trt
    if engine.is_shape_inference_io(name) or engine.get_tensor_location(name) == trt.TensorLocation.HOST:
        raise ModelLoadingError(
            f"{loaded.path}: {name!r} holds a size, not data. Such networks are not supported; build the engine for "
            f"fixed sizes."
        )
    if engine.get_tensor_vectorized_dim(name) != -1:
        raise ModelLoadingError(
            f"{loaded.path}: {name!r} has a layout of its own ({engine.get_tensor_format_desc(name)}). Build the "
            f"engine with plain (linear) inputs and outputs."
        )


def _range(engine: Any, name: str, profile: int) -> tuple[Shape, Shape]:
    shape = tuple(engine.get_tensor_shape(name))
    if -1 not in shape:
        return shape, shape
    smallest, _, largest = engine.get_tensor_profile_shape(name, profile)
    return tuple(smallest), tuple(largest)


def _common_shape(profiles: tuple[Profile, ...], name: str) -> Shape:
    """Return the sizes that are the same throughout, -1 for the others."""
    shapes = [shape for profile in profiles for shape in profile.ranges[name]]
    return tuple(sizes[0] if len(set(sizes)) == 1 else -1 for sizes in zip(*shapes, strict=True))


def _port(loaded: Engine, name: str, shape: Shape) -> Port:
    kind = loaded.engine.get_tensor_dtype(name).name
    torch_name = _DTYPES.get(kind)
    dtype = None if torch_name is None else getattr(loaded.device.torch, torch_name, None)
    if dtype is None:
        raise ModelLoadingError(
            f"{loaded.path}: {name!r} is of type {kind}, for which torch has no tensors. Build the engine with inputs "
            f"and outputs of another type."
        )
    return Port(TensorInfo(name, tuple(None if size == -1 else size for size in shape), str(torch_name)), dtype)
