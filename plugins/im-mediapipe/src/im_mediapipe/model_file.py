"""Reading a TensorFlow Lite file: its outputs and the labels that it carries.

MediaPipe checks less than one would like: a detector opened as a classifier runs, and names nonsense with confidence.
"""

from __future__ import annotations

import io
import zipfile
from importlib import import_module
from pathlib import Path
from typing import Any, TypeAlias

from attrs import frozen

from inference_models import CorruptedModelPackageError

Outputs: TypeAlias = tuple[tuple[int, ...], ...]
"""The shape of each output of a network; -1 stands for any length."""

SUFFIXES = (".task", ".tflite")
_ZIP, _TFLITE = b"PK\x03\x04", b"TFL3"
_METADATA = b"TFLITE_METADATA"
_LARGEST_LABELS = 16 * 2**20


@frozen
class ModelContents:
    """What a TensorFlow Lite file says about itself.

    Attributes:
        outputs: the shape of each output.
        labels: the names of the classes in the order of their ids; None when the file carries none.
    """

    outputs: Outputs
    labels: tuple[str, ...] | None


def find_model_file(directory: Path) -> Path:
    """Return the one `.task` or `.tflite` file of a package.

    Raises:
        CorruptedModelPackageError: there is none, or more than one.
    """
    files = sorted(path for path in directory.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file())
    if len(files) == 1:
        return files[0]
    found = ", ".join(path.name for path in files) or "none"
    raise CorruptedModelPackageError(
        f"{directory} must hold one model file that ends in .task or .tflite, found {found}. Download or export the "
        f"package again."
    )


def read_model_file(path: Path) -> bytes:
    """Return the content of a model file.

    Raises:
        CorruptedModelPackageError: it cannot be read, or is not a TensorFlow Lite file.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CorruptedModelPackageError(f"{path} cannot be read: {error}. Download the package again.") from error
    if content[4:8] == _TFLITE:
        return content
    if content.startswith(_ZIP):
        raise CorruptedModelPackageError(
            f"{path} is a bundle of several networks, as MediaPipe has for landmarks and gestures. This plugin runs "
            f"face detection, object detection and image classification, which are one TensorFlow Lite file each."
        )
    raise CorruptedModelPackageError(
        f"{path} is not a TensorFlow Lite file ({len(content)} bytes, without the mark TFL3). It may be cut short or "
        f"something else, such as a page that was downloaded in its place. Download it again."
    )


def parse_contents(path: Path, content: bytes) -> ModelContents:
    """Return what a model file says about itself. MediaPipe should have opened it before: it checks its structure.

    Raises:
        CorruptedModelPackageError: its tables contradict each other.
    """
    schema = import_module("mediapipe.tasks.metadata.schema_py_generated")
    try:
        model = schema.Model.GetRootAs(content)
        graph = model.Subgraphs(0)
        tensors = [graph.Tensors(graph.Outputs(place)) for place in range(graph.OutputsLength())]
        outputs = tuple(tuple(tensor.Shape(axis) for axis in range(tensor.ShapeLength())) for tensor in tensors)
        labels = _labels(content, _metadata_of(model), len(outputs))
    except Exception as error:  # whatever reading arbitrary bytes as tables, a ZIP archive and text leads to
        raise CorruptedModelPackageError(
            f"{path} cannot be read as a TensorFlow Lite file with metadata ({type(error).__name__}: {error}). "
            f"Download it again."
        ) from error
    return ModelContents(outputs, labels)


def _metadata_of(model: Any) -> bytes | None:
    entries = (model.Metadata(place) for place in range(model.MetadataLength()))
    buffers = [model.Buffers(entry.Buffer()) for entry in entries if entry.Name() == _METADATA]
    return bytes(buffers[0].DataAsNumpy()) if buffers else None


def _labels(content: bytes, metadata: bytes | None, output_count: int) -> tuple[str, ...] | None:
    """Return the lines of the labels that the metadata of an output names; they lie in a ZIP archive at the end."""
    if metadata is None:
        return None
    schema = import_module("mediapipe.tasks.metadata.metadata_schema_py_generated")
    kinds = (schema.AssociatedFileType.TENSOR_AXIS_LABELS, schema.AssociatedFileType.TENSOR_VALUE_LABELS)
    graph = schema.ModelMetadata.GetRootAs(metadata).SubgraphMetadata(0)
    for place in range(min(output_count, graph.OutputTensorMetadataLength())):
        output = graph.OutputTensorMetadata(place)
        for index in range(output.AssociatedFilesLength()):
            file = output.AssociatedFiles(index)
            if file.Type() in kinds and not file.Locale():
                return _lines(content, file.Name().decode())
    return None


def _lines(content: bytes, name: str) -> tuple[str, ...]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive, archive.open(name) as file:
        data = file.read(_LARGEST_LABELS + 1)
    if len(data) > _LARGEST_LABELS:
        raise ValueError(f"the labels in {name} take more than {_LARGEST_LABELS} bytes")
    lines = [line.strip() for line in data.decode("utf-8").split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    return tuple(lines)
