"""How both networks of im-demo become ONNX files."""

from __future__ import annotations

import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

OPSET = 17


def export_network(model: nn.Module, images: Tensor, path: Path, output: str) -> None:
    """Write a network as one ONNX file, with a batch of any size.

    Args:
        model: in evaluation mode.
        images: an example of its input, named "images" in the file: (batch, 3, height, width) float32.
        path: of the file.
        output: what the file calls the network's output.
    """
    with warnings.catch_warnings():
        # The legacy exporter is deprecated; it is used because it writes one file, not two.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model,
            (images,),
            str(path),
            dynamo=False,
            opset_version=OPSET,
            input_names=["images"],
            output_names=[output],
            dynamic_axes={"images": {0: "batch"}, output: {0: "batch"}},
        )
