"""The ONNX package that an engine is built from: its network, and the files that both packages share."""

from __future__ import annotations

import mmap
import shutil
from pathlib import Path

from inference_models import CorruptedModelPackageError, ModelCompilationError, ModelLoadingError
from inference_models.developer_tools import ImageDimensions, get_model_package_contents, parse_inference_config

NETWORK_NAMES = ("weights.onnx", "model.onnx")
_CONFIG = "inference_config.json"
_NOT_SHARED = (".onnx", ".plan", ".engine")


def find_network(directory: Path) -> Path:
    """Return the network's file in a package. Raises: CorruptedModelPackageError when there is none."""
    for name in NETWORK_NAMES:
        path = directory / name
        if path.is_file() and path.stat().st_size:
            return path
    raise CorruptedModelPackageError(
        f"{directory} has neither {' nor '.join(NETWORK_NAMES)}, or it is empty. Download or export the package again."
    )


def input_size(directory: Path) -> ImageDimensions | None:
    """Return the size that the network was trained for, for inputs that leave it open; None when nothing states it.

    Raises:
        ModelCompilationError: what states it is malformed.
    """
    if not (directory / _CONFIG).is_file():
        return None
    try:
        size = parse_inference_config(directory / _CONFIG).network_input.training_input_size
    except ModelLoadingError as error:
        raise ModelCompilationError(error.message) from error
    return None if size is None else ImageDimensions(size.height, size.width)


def copy_shared_files(directory: Path, network: Path, output: Path) -> None:
    """Copy what is no part of the network: class names, the description of its input, and the like."""
    for name, source in get_model_package_contents(directory).items():
        path = Path(source)
        if name == "model_config.json" or path.suffix in _NOT_SHARED or _holds_weights_of(network, name):
            continue
        (output / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, output / name)


def _holds_weights_of(network: Path, name: str) -> bool:
    """Return whether an ONNX file says that some of its weights are in the file `name` beside it.

    That is an entry {key: "location", value: name} (`StringStringEntryProto` in onnx.proto), in its one form as bytes.
    """
    value = name.encode()
    if len(value) > 127:  # longer names have longer lengths, and no exporter writes such
        return False
    entry = b"\n\x08location\x12" + bytes([len(value)]) + value
    with network.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(entry) != -1
