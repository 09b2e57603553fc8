"""From images to the network's input tensor, on a device."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from inference_models.entities import ColorFormat
from inference_models.vision.arrays import as_numpy
from inference_models.vision.geometry import PreProcessingMetadata
from inference_models.vision.images import SourceImage
from inference_models.vision.on_device.antialias import antialias_axis, resize_bytes_antialiased
from inference_models.vision.on_device.resizing import resize_axis, resize_bytes
from inference_models.vision.on_device.transfer import upload_stacked
from inference_models.vision.planes import without_cut_off
from inference_models.vision.steps import Steps, cropped
from inference_models.vision.tensors import is_tensor

if TYPE_CHECKING:
    from inference_models.vision.pre_processing import ImagePreProcessor

__all__ = ["make_input"]

Tensor = Any

# Shares of red, green and blue in grey, in 32768ths: OpenCV's numbers.
_SHARES_OF_GREY = (9798, 19235, 3735)


def make_input(
    pre_processor: ImagePreProcessor,
    sources: Sequence[SourceImage],
    metadata: Sequence[PreProcessingMetadata],
    steps: Steps,
    device: str,
) -> Tensor:
    """Return the network's input.

    Images that are alike are brought to the device and resized together. Contrast is enhanced on the host: for an image
    that lies on the device, a way there and back.

    Args:
        pre_processor: how large the input is, and what its values mean.
        sources: N images as `images_on_device` returns them, with the colours in the order of `color_format`.
        metadata: where each of them goes.
        steps: what is done before resizing.
        device: where the input is made, as torch names it.

    Returns:
        A new tensor (N, channels, height, width) of the pre-processor's dtype.
    """
    torch = sys.modules["torch"]
    groups: dict[object, list[int]] = {}
    for index, (source, placement) in enumerate(zip(sources, metadata, strict=True)):
        groups.setdefault((placement, source.color_format, is_tensor(source.pixels)), []).append(index)
    inputs: dict[int, Tensor] = {}
    for indices in groups.values():
        placement, color_format = metadata[indices[0]], sources[indices[0]].color_format
        pixels = _pixels([sources[index] for index in indices], placement, steps, device)
        planes = _resized(pixels, placement, pre_processor)
        joined = _scaled(planes, placement, pre_processor, is_reversed=color_format != pre_processor.color_mode)
        inputs.update(zip(indices, joined, strict=True))
    whole = joined if len(groups) == 1 else torch.stack([inputs[index] for index in range(len(sources))])
    return whole.to(getattr(torch, pre_processor.dtype))


def _pixels(images: Sequence[SourceImage], placement: PreProcessingMetadata, steps: Steps, device: str) -> Tensor:
    """Return the part of the images that the input shows, after the steps: (b, 3 or 1, h, w) uint8 on the device.

    Args:
        images: all of one size, order of colours, and kind of array.
        placement: where they go.
        steps: what is done before resizing.
        device: where they are brought.
    """
    torch = sys.modules["torch"]
    color_format, crop = images[0].color_format, placement.static_crop_offset
    if steps.contrast is None:
        parts = [cropped(image.pixels, crop) if steps.static_crop else image.pixels for image in images]
    else:
        parts = [np.atleast_3d(steps(as_numpy(image.pixels), color_format, crop)) for image in images]
    parts = [without_cut_off(part, placement) for part in parts]
    if not is_tensor(parts[0]):
        pixels = upload_stacked(parts, device)
    else:
        pixels = parts[0][None] if len(parts) == 1 else torch.stack(parts)
    pixels = pixels.permute(0, 3, 1, 2)
    return _grey(pixels, color_format) if steps.grayscale and pixels.shape[1] == 3 else pixels


def _grey(pixels: Tensor, color_format: ColorFormat) -> Tensor:
    """Return (b, 1, h, w) uint8 of (b, 3, h, w), as OpenCV's `cvtColor` computes it."""
    torch = sys.modules["torch"]
    shares = _SHARES_OF_GREY if color_format == "rgb" else _SHARES_OF_GREY[::-1]
    grey = pixels[:, :1].int() * shares[0]
    for channel in (1, 2):
        grey += pixels[:, channel : channel + 1].int() * shares[channel]
    return grey.add_(1 << 14).bitwise_right_shift_(15).to(torch.uint8)


def _resized(pixels: Tensor, placement: PreProcessingMetadata, pre_processor: ImagePreProcessor) -> Tensor:
    """Return the planes at the size they have in the input; with what lies beside them if the image is mirrored there.

    Args:
        pixels: (b, c, h, w) uint8, without what the input does not show.
        placement: where the images go.
        pre_processor: how they are resized, and whether what they leave free is filled with their mirrored edges.
    """
    size = placement.resized
    borders = (placement.pad_top, placement.pad_bottom, placement.pad_left, placement.pad_right)
    is_mirrored = pre_processor.padding_value is None and any(borders)
    if size == placement.size_after_pre_processing and not is_mirrored:
        return pixels
    top, bottom, left, right = borders if is_mirrored else (0, 0, 0, 0)
    if pre_processor.antialias:
        heights = antialias_axis(pixels.shape[2], size.height, top, bottom)
        return resize_bytes_antialiased(pixels, heights, antialias_axis(pixels.shape[3], size.width, left, right))
    rows = resize_axis(pixels.shape[2], size.height, top, bottom, is_vertical=True)
    return resize_bytes(pixels, rows, resize_axis(pixels.shape[3], size.width, left, right))


def _scaled(
    planes: Tensor, placement: PreProcessingMetadata, pre_processor: ImagePreProcessor, *, is_reversed: bool
) -> Tensor:
    """Return (b, channels, height, width) float32: the planes in their place, padded, as `value * gain + bias`.

    Args:
        planes: (b, c, h, w) of 0 to 255.
        placement: where the images go.
        pre_processor: gains, biases and what pads.
        is_reversed: whether the first plane is the network's last.
    """
    torch = sys.modules["torch"]
    size, (count, source_planes, height, width) = placement.inference_size, planes.shape
    top = 0 if height == size.height else max(placement.pad_top, 0)
    left = 0 if width == size.width else max(placement.pad_left, 0)
    shape = (count, len(pre_processor.gains), size.height, size.width)
    inputs = torch.empty(shape, dtype=torch.float32, device=planes.device)
    for channel, factors in enumerate(zip(pre_processor.gains, pre_processor.biases, strict=True)):
        gain, bias = map(np.float32, factors)
        target = inputs[:, channel]
        if (height, width) != (size.height, size.width):
            target.fill_(float((pre_processor.padding_value or 0) * gain + bias))
            target = target[:, top : top + height, left : left + width]
        place = min(channel, source_planes - 1)
        target.copy_(planes[:, source_planes - 1 - place if is_reversed else place]).mul_(float(gain))
        if bias:
            target.add_(float(bias))
    return inputs
