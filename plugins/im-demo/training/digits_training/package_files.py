"""The small files beside the weights of a package."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from digits_training.data import CLASS_NAMES
from digits_training.network import DEPTHS, INPUT_SIZE, STEM_WIDTH, WIDTHS


def inference_config() -> dict[str, Any]:
    """Return what `inference_config.json` says."""
    return {
        "network_input": {
            "training_input_size": {"height": INPUT_SIZE, "width": INPUT_SIZE},
            "dynamic_spatial_size_supported": False,
            "color_mode": "rgb",
            "resize_mode": "stretch",
            "input_channels": 3,
            "scaling_factor": 255,
            "normalization": None,
        },
        "forward_pass": {"static_batch_size": None},
        "post_processing": {"type": "softmax", "fused": False},
        # What the torch package is built from: no name stands for a network as small as this.
        "model_initialization": {
            "num_classes": len(CLASS_NAMES),
            "layer_type": "basic",
            "embedding_size": STEM_WIDTH,
            "hidden_sizes": WIDTHS,
            "depths": DEPTHS,
        },
    }


def write_package_files(folder: Path, backend: str) -> None:
    """Write `class_names.txt`, `inference_config.json` and `model_config.json` into the folder."""
    model_config = {
        "model_architecture": "resnet",
        "task_type": "classification",
        "backend_type": backend,
        "quantization": "fp32",
        "dynamic_batch_size_supported": True,
        "weights_license": "Apache-2.0",
        "source": "trained by plugins/im-demo/training of inference-models on doi:10.24432/C50P49 (CC BY 4.0)",
        "version": "1",
    }
    (folder / "class_names.txt").write_text("\n".join(CLASS_NAMES) + "\n", encoding="utf-8")
    for name, content in (("inference_config.json", inference_config()), ("model_config.json", model_config)):
        (folder / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
