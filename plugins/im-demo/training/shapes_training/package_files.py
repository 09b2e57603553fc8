"""The small files beside the weights of a package."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from shapes_training.outlines import CLASS_NAMES
from shapes_training.samples import INPUT_SIZE, PADDING_VALUE

CONFIDENCE_THRESHOLD, IOU_THRESHOLD, MAX_DETECTIONS = 0.4, 0.5, 300


def inference_config(static_batch_size: int | None) -> dict[str, Any]:
    """Return what `inference_config.json` says; None stands for a batch of any size."""
    return {
        "network_input": {
            "training_input_size": {"height": INPUT_SIZE, "width": INPUT_SIZE},
            "dynamic_spatial_size_supported": False,
            "color_mode": "rgb",
            "resize_mode": "letterbox",
            "padding_value": PADDING_VALUE,
            "input_channels": 3,
            "scaling_factor": 255,
            "normalization": None,
        },
        "forward_pass": {"static_batch_size": static_batch_size},
        "post_processing": {
            "type": "nms",
            "fused": False,
            "nms_parameters": {
                "max_detections": MAX_DETECTIONS,
                "confidence_threshold": CONFIDENCE_THRESHOLD,
                "iou_threshold": IOU_THRESHOLD,
                "class_agnostic": 0,
            },
        },
    }


def write_package_files(folder: Path, backend: str, static_batch_size: int | None) -> None:
    """Write `class_names.txt`, `inference_config.json` and `model_config.json` into the folder."""
    model_config = {
        "model_architecture": "yolov8",
        "task_type": "object-detection",
        "backend_type": backend,
        "quantization": "fp32",
        "dynamic_batch_size_supported": static_batch_size is None,
        "weights_license": "Apache-2.0",
        "source": "trained by plugins/im-demo/training of inference-models on pictures drawn by a program",
        "version": "1",
    }
    (folder / "class_names.txt").write_text("\n".join(CLASS_NAMES) + "\n", encoding="utf-8")
    for name, content in (
        ("inference_config.json", inference_config(static_batch_size)),
        ("model_config.json", model_config),
    ):
        (folder / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
