"""Packages around the benchmarks' networks: the files beside the weights."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from onnx import checker

# How networks see pictures that were trained on ImageNet, or started from one that was.
IMAGENET = {"resize_mode": "stretch", "normalization": [[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]]}


def network_input(side: int, **more: object) -> dict[str, object]:
    """Return what an inference_config.json says of an input of `side` x `side` pixels, with what differs in `more`."""
    return {
        "training_input_size": {"height": side, "width": side},
        "dynamic_spatial_size_supported": False,
        "color_mode": "rgb",
        "input_channels": 3,
        "scaling_factor": 255,
        **more,
    }


def write_package(
    directory: str | Path, network: Any, architecture: str, task: str, *, classes: int, config: Mapping[str, object]
) -> Path:
    """Write a package for ONNX Runtime and return its directory.

    Args:
        directory: where; made if it is not there.
        network: an `onnx.ModelProto`.
        architecture: as packages name it.
        task: as packages name it.
        classes: how many classes get a name.
        config: content of inference_config.json.
    """
    checker.check_model(network)
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    described = {"model_architecture": architecture, "task_type": task, "backend_type": "onnx"}
    (directory / "model_config.json").write_text(json.dumps(described))
    (directory / "inference_config.json").write_text(json.dumps(config))
    (directory / "class_names.txt").write_text("".join(f"class-{number}\n" for number in range(classes)))
    (directory / "weights.onnx").write_bytes(network.SerializeToString())
    return directory
