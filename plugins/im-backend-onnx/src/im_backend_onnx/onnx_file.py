"""The few facts that are needed from an ONNX file before it is loaded, read without the `onnx` package.

An ONNX file is a protocol buffer (https://protobuf.dev/programming-guides/encoding/) of the messages in
https://github.com/onnx/onnx/blob/main/onnx/onnx.proto. Weights are skipped, so a large file costs no more
than a small one with as many nodes.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TypeAlias

from attrs import field, frozen

from inference_models import CorruptedModelPackageError

# The messages that can hold a tensor, directly or further down: {message: {field number: its message}}.
_MESSAGES: dict[str, dict[int, str]] = {
    "Model": {7: "Graph", 8: "OperatorSet", 20: "TrainingInfo", 25: "Function"},
    "Graph": {1: "Node", 5: "Tensor", 15: "SparseTensor"},
    "Function": {7: "Node", 11: "Attribute"},
    "TrainingInfo": {1: "Graph", 2: "Graph"},
    "Node": {5: "Attribute"},
    "Attribute": {5: "Tensor", 6: "Graph", 10: "Tensor", 11: "Graph", 22: "SparseTensor", 23: "SparseTensor"},
    "SparseTensor": {1: "Tensor", 2: "Tensor"},
    "Tensor": {13: "ExternalData"},
}
_OUTERMOST = {"Model": {8: "OperatorSet"}}
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
# As deep as protocol buffer parsers go by default.
_MAX_DEPTH = 100
# Below this many bytes, looking for the word is quicker than reading the message.
_SMALL = 4096

_Field: TypeAlias = tuple[int, int, int, int]  # field number, wire type, start or value, stop


@frozen
class OnnxFile:
    """What an ONNX file says about itself.

    Attributes:
        opset: version of the standard ONNX operator set; None when it uses none.
        external_data: the files that hold weights outside of it, as written, sorted.
    """

    opset: int | None = None
    external_data: tuple[str, ...] = ()


def read_onnx_file(path: Path, *, external_data: bool = True) -> OnnxFile:
    """Return what the file at `path` says about itself.

    Args:
        path: the file.
        external_data: look for external data. Without, only the outermost message is read, which costs next
            to nothing.

    Raises:
        ValueError: it is no ONNX file, or cut short.
        OSError: it cannot be read.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        reader = _Reader(data, _MESSAGES if external_data else _OUTERMOST)
        try:
            reader.visit(0, len(data), "Model", 0)
        except IndexError:
            raise ValueError("it ends too early") from None
    return OnnxFile(reader.opsets.get("", reader.opsets.get("ai.onnx")), tuple(sorted(reader.locations)))


def check_external_data(weights: Path, external_data: tuple[str, ...]) -> None:
    """Refuse a network whose weights lie outside of its package or are missing.

    Newer releases of ONNX Runtime refuse the first themselves; older ones read any file of the machine.

    Raises:
        CorruptedModelPackageError: a location leaves the package, also by a link, or is no file.
    """
    directory = weights.parent.resolve()
    for location in external_data:
        path = directory / location
        outside = not location or PurePosixPath(location).is_absolute() or bool(PureWindowsPath(location).anchor)
        if outside or not path.resolve().is_relative_to(directory):
            raise CorruptedModelPackageError(
                f"{weights.name} keeps weights in {location!r}, which is not inside its package. It was not "
                f"opened: a package must hold all of its files itself. Export the model again."
            )
        if not path.is_file():
            raise CorruptedModelPackageError(
                f"{weights.name} keeps weights in {location!r}, and the package has no such file. Copy it beside "
                f"{weights.name}, or export the model again."
            )


@frozen
class _Reader:
    """Walks the messages of a file and collects what is asked for."""

    data: mmap.mmap
    messages: dict[str, dict[int, str]]
    opsets: dict[str, int] = field(factory=dict)
    locations: set[str] = field(factory=set)

    def visit(self, start: int, stop: int, message: str, depth: int) -> None:
        """Read the message between two offsets. Raises: ValueError, IndexError."""
        if depth > _MAX_DEPTH:
            raise ValueError("its graphs are nested too deeply")
        known = self.messages[message]
        for number, wire_type, begin, end in _fields(self.data, start, stop):
            inner = known.get(number)
            if inner is None or wire_type != _BYTES:
                continue
            if inner == "OperatorSet":
                self._read_opset(begin, end)
            elif inner == "ExternalData":
                self._read_location(begin, end)
            elif end - begin > _SMALL or self.data.find(b"location", begin, end) >= 0:
                self.visit(begin, end, inner, depth + 1)

    def _read_opset(self, start: int, stop: int) -> None:
        domain, version = "", 0
        for number, wire_type, begin, end in _fields(self.data, start, stop):
            if number == 1 and wire_type == _BYTES:
                domain = self.data[begin:end].decode("utf-8", errors="replace")
            elif number == 2 and wire_type == _VARINT:
                version = begin
        self.opsets[domain] = version

    def _read_location(self, start: int, stop: int) -> None:
        key = value = b""
        for number, wire_type, begin, end in _fields(self.data, start, stop):
            if wire_type == _BYTES and number == 1:
                key = self.data[begin:end]
            elif wire_type == _BYTES and number == 2:
                value = self.data[begin:end]
        if key == b"location":
            self.locations.add(value.decode("utf-8", errors="surrogateescape"))


def _fields(data: mmap.mmap, start: int, stop: int) -> Iterator[_Field]:
    """Yield the fields of the message between two offsets. Raises: ValueError, IndexError."""
    position = start
    while position < stop:
        tag, position = _varint(data, position)
        number, wire_type = tag >> 3, tag & 7
        if wire_type == _VARINT:
            value, position = _varint(data, position)
            yield number, wire_type, value, position
            continue
        if wire_type == _BYTES:
            length, begin = _varint(data, position)
        elif wire_type in (_FIXED64, _FIXED32):
            length, begin = (8 if wire_type == _FIXED64 else 4), position
        else:
            raise ValueError(f"wire type {wire_type} at byte {position} is not one that ONNX uses")
        position = begin + length
        if position > stop:
            raise ValueError(f"a field at byte {begin} is {length} bytes long and does not fit")
        yield number, wire_type, begin, position


def _varint(data: mmap.mmap, position: int) -> tuple[int, int]:
    byte = data[position]
    position += 1
    if byte < 0x80:
        return byte, position
    value, shift = byte & 0x7F, 7
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
        if shift > 63:
            raise ValueError(f"a number at byte {position} is longer than 64 bits")
