"""Images as they are given, for pre-processing on a device: what lies there already stays there."""

from __future__ import annotations

import sys
from typing import Any

from inference_models.vision.images import Images, SourceImage, read_images
from inference_models.vision.tensors import check_range, check_tensor, tensor_pixels

__all__ = ["images_on_device"]

Tensor = Any


def images_on_device(images: Images, device: str) -> list[SourceImage]:
    """Return the images one by one; arrays and tensors of the host are not copied, nor are uint8 tensors on the device.

    Args:
        images: as for `as_images`.
        device: where they will be processed, as torch names it.

    Returns:
        Images whose pixels are (height, width, 3) uint8: a view of a tensor on the device if the image is one, else a
        numpy array.

    Raises:
        ModelInputError: as by `as_images`.
    """
    torch = sys.modules["torch"]
    wanted = torch.device(device)
    ranges: list[tuple[str, Tensor]] = []

    def read(tensor: Tensor, where: str) -> Any:
        if tensor.device.type != wanted.type:
            return tensor_pixels(tensor, where)
        check_tensor(tensor, where)
        tensor = tensor.detach().to(device)
        if tensor.is_floating_point():
            tensor = tensor.float()
            ranges.append((where, torch.stack(tensor.aminmax())))
            # Half to even and without sign, as OpenCV rounds.
            tensor = (tensor * 255).abs_().round_().clamp_(max=255).to(torch.uint8)
        return tensor.permute(1, 2, 0)

    sources = read_images(images, read)
    if ranges:  # asked for together: each answer is waited for
        answers = torch.stack([limits for _, limits in ranges]).tolist()
        for (where, _), (low, high) in zip(ranges, answers, strict=True):
            check_range(low, high, where)
    return sources
