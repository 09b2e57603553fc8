"""Package directories, as small as a test needs them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from inference_models.entities import PACKAGE_CONFIG_NAME

_INFERENCE_CONFIG: Mapping[str, Any] = {
    "network_input": {
        "dynamic_spatial_size_supported": False,
        "color_mode": "rgb",
        "resize_mode": "letterbox",
        "padding_value": 114,
        "input_channels": 3,
        "scaling_factor": 255,
    },
    "forward_pass": {"static_batch_size": None, "max_dynamic_batch_size": None},
}


def write_package(
    directory: Path,
    *,
    architecture: str,
    backend: str,
    task_type: str | None = None,
    class_names: Iterable[str] | None = None,
    input_size: tuple[int, int] | None = None,
    inference_config: Mapping[str, Any] | None = None,
    files: Mapping[str, bytes | str | Mapping[str, Any] | list[Any]] | None = None,
    **described: Any,
) -> Path:
    """Write a package directory that `AutoModel.from_pretrained(directory)` reads.

    Args:
        directory: created if need be; files of the same names are replaced.
        architecture: the family, "model_architecture" in model_config.json.
        backend: what executes it, "backend_type".
        task_type: for example "object-detection"; None: not stated.
        class_names: written to class_names.txt; None: no such file.
        input_size: height and width of the network's input. Writes an inference_config.json for letterboxed RGB in 0
            to 1, the way most detectors are trained.
        inference_config: sections of inference_config.json; with `input_size` laid over what that writes.
        files: further files by name: bytes, text, or what is written as JSON.
        **described: further keys of model_config.json, for example quantization="fp16".

    Returns:
        `directory`.
    """
    directory.mkdir(parents=True, exist_ok=True)
    described = {"model_architecture": architecture, "backend_type": str(backend), **described}
    if task_type is not None:
        described["task_type"] = task_type
    contents: dict[str, Any] = {PACKAGE_CONFIG_NAME: described}
    if class_names is not None:
        contents["class_names.txt"] = "".join(f"{name}\n" for name in class_names)
    if input_size is not None or inference_config is not None:
        contents["inference_config.json"] = _inference_config(input_size, inference_config or {})
    for name, content in {**contents, **(files or {})}.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_as_bytes(content))
    return directory


def _inference_config(size: tuple[int, int] | None, sections: Mapping[str, Any]) -> Mapping[str, Any]:
    if size is None:
        return sections
    trained = {"training_input_size": {"height": size[0], "width": size[1]}}
    config: dict[str, Any] = {**_INFERENCE_CONFIG, "network_input": {**_INFERENCE_CONFIG["network_input"], **trained}}
    for name, section in sections.items():
        config[name] = {**config.get(name, {}), **section} if isinstance(section, Mapping) else section
    return config


def _as_bytes(content: Any) -> bytes:
    if isinstance(content, bytes):
        return content
    return (content if isinstance(content, str) else json.dumps(content)).encode()
