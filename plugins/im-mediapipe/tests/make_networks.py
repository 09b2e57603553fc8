"""Write the small TensorFlow Lite networks that the tests run, byte by byte the same each time.

They look at the picture by averaging the colours of its parts; nobody trained them. Needs `flatbuffers` and the schemas
that `mediapipe` carries, no TensorFlow: `.venv-mediapipe/bin/python plugins/im-mediapipe/tests/make_networks.py`.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import numpy.typing as npt
from flatbuffers import flexbuffers
from mediapipe.tasks.metadata import metadata_schema_py_generated as meta
from mediapipe.tasks.metadata import schema_py_generated as lite

DIRECTORY = Path(__file__).with_name("networks")
COLORS = ("red", "green", "blue")
POSTPROCESS = "TFLite_Detection_PostProcess"
# A box around its anchor of a quarter of the input, then the six points around it, in pixels of the input.
FACE = (0, 0, 32, 32, -8, -8, 8, -8, 0, 0, 0, 8, -16, -8, 16, -8)


class Network:
    """A network of one input, an image of float32 colours, to which operations are added one by one."""

    def __init__(self, size: int) -> None:
        self._tensors: list[Any] = []
        self._buffers: list[Any] = [lite.BufferT()]  # the first is empty, and stands for "no data"
        self._operations: list[Any] = []
        self._codes: dict[tuple[int, str | None], Any] = {}
        self.image = self.tensor("image", (1, size, size, 3))

    def tensor(self, name: str, shape: Sequence[int], values: npt.NDArray[Any] | None = None) -> int:
        """Add a tensor, of constant `values` if given, and return its number."""
        tensor, integers = lite.TensorT(), values is not None and values.dtype == np.int32
        tensor.name, tensor.shape, tensor.buffer = name, list(shape), 0
        tensor.type = lite.TensorType.INT32 if integers else lite.TensorType.FLOAT32
        if values is not None:
            tensor.buffer = self._buffer(values.tobytes())
        self._tensors.append(tensor)
        return len(self._tensors) - 1

    def constant(self, name: str, values: npt.ArrayLike, dtype: type = np.float32) -> int:
        """Add a constant tensor and return its number."""
        array = np.asarray(values, dtype)
        return self.tensor(name, array.shape, array)

    def add(self, code: str, inputs: list[int], outputs: list[int], options: Any = None, custom: bytes = b"") -> None:
        """Add an operation: a builtin one with the attributes of `options`, or a custom one."""
        known = getattr(lite.BuiltinOperator, code, None)
        operation = lite.OperatorT()
        operation.opcodeIndex = self._code(lite.BuiltinOperator.CUSTOM if known is None else known, code, known is None)
        operation.inputs, operation.outputs = inputs, outputs
        if options is not None:
            operation.builtinOptions = options
            operation.builtinOptionsType = getattr(lite.BuiltinOptions, type(options).__name__.removesuffix("T"))
        if custom:
            operation.customOptions = np.frombuffer(custom, np.uint8)
        self._operations.append(operation)

    def average(self, size: int, count: int) -> int:
        """Average the colours of `count` x `count` squares of the image, each of `size` pixels."""
        options = lite.Pool2DOptionsT()
        options.padding = lite.Padding.VALID
        options.strideW = options.strideH = options.filterWidth = options.filterHeight = size
        averages = self.tensor(f"averages{count}", (1, count, count, 3))
        self.add("AVERAGE_POOL_2D", [self.image], [averages], options)
        return averages

    def mix(self, name: str, source: int, count: int, weight: float, biases: Sequence[float]) -> int:
        """Add up the three colours of each square times `weight`, once for each of `biases`, which are added."""
        options = lite.Conv2DOptionsT()
        options.padding = lite.Padding.VALID
        options.strideW = options.strideH = options.dilationWFactor = options.dilationHFactor = 1
        weights = self.constant(f"{name}/weights", np.full((len(biases), 1, 1, 3), weight))
        mixed = self.tensor(name, (1, count, count, len(biases)))
        self.add("CONV_2D", [source, weights, self.constant(f"{name}/biases", biases)], [mixed], options)
        return mixed

    def reshape(self, name: str, source: int, shape: Sequence[int]) -> int:
        """Give a tensor another shape."""
        options = lite.ReshapeOptionsT()
        options.newShape = list(shape)
        reshaped = self.tensor(name, shape)
        self.add("RESHAPE", [source, self.constant(f"{name}/shape", shape, np.int32)], [reshaped], options)
        return reshaped

    def concatenate(self, name: str, sources: list[int], shape: Sequence[int]) -> int:
        """Put tensors one after the other along axis 1."""
        options = lite.ConcatenationOptionsT()
        options.axis = 1
        joined = self.tensor(name, shape)
        self.add("CONCATENATION", sources, [joined], options)
        return joined

    def softmax(self, name: str, source: int, shape: Sequence[int], beta: float) -> int:
        """Make scores of logits."""
        options = lite.SoftmaxOptionsT()
        options.beta = beta
        scores = self.tensor(name, shape)
        self.add("SOFTMAX", [source], [scores], options)
        return scores

    def finish(self, outputs: list[int], metadata: bytes, labels: Sequence[str] = ()) -> bytes:
        """Return the file."""
        graph, model, entry = lite.SubGraphT(), lite.ModelT(), lite.MetadataT()
        graph.name, graph.tensors, graph.operators = "main", self._tensors, self._operations
        graph.inputs, graph.outputs = [self.image], outputs
        entry.name, entry.buffer = "TFLITE_METADATA", self._buffer(metadata)
        model.version, model.description = 3, "a test network"
        model.subgraphs, model.buffers, model.metadata = [graph], self._buffers, [entry]
        model.operatorCodes = list(self._codes.values())
        return with_labels(pack(model, b"TFL3"), labels)

    def _buffer(self, content: bytes) -> int:
        buffer = lite.BufferT()
        buffer.data = np.frombuffer(content, np.uint8)
        self._buffers.append(buffer)
        return len(self._buffers) - 1

    def _code(self, number: int, name: str, custom: bool) -> int:
        code = lite.OperatorCodeT()
        code.builtinCode, code.deprecatedBuiltinCode, code.version = number, min(number, 127), 1
        code.customCode = name if custom else None
        self._codes.setdefault((number, code.customCode), code)
        return list(self._codes).index((number, code.customCode))


def pack(table: Any, identifier: bytes) -> bytes:
    """Return a table of one of the schemas as the content of a file."""
    builder = flatbuffers.Builder(1024)
    builder.Finish(table.Pack(builder), identifier)
    return bytes(builder.Output())


def with_labels(content: bytes, labels: Sequence[str]) -> bytes:
    """Append a ZIP archive with the labels, as TensorFlow Lite's metadata has it."""
    if not labels:
        return content
    file = io.BytesIO(content)
    file.seek(0, io.SEEK_END)
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr(zipfile.ZipInfo("labels.txt"), "\n".join(labels))  # ZipInfo: with a fixed date
    return file.getvalue()


def describe(mean: float, deviation: float, outputs: list[Any], group: Sequence[str] = ()) -> bytes:
    """Return the metadata of a network whose input is (colour - mean) / deviation."""
    image, unit, options = meta.TensorMetadataT(), meta.ProcessUnitT(), meta.NormalizationOptionsT()
    options.mean, options.std = [mean], [deviation]
    unit.optionsType, unit.options = meta.ProcessUnitOptions.NormalizationOptions, options
    properties = meta.ImagePropertiesT()
    properties.colorSpace = meta.ColorSpaceType.RGB
    image.name, image.processUnits, image.content = "image", [unit], content_of(properties)
    graph, model = meta.SubGraphMetadataT(), meta.ModelMetadataT()
    graph.inputTensorMetadata, graph.outputTensorMetadata = [image], outputs
    if group:
        together = meta.TensorGroupT()
        together.name, together.tensorNames = "detection_result", list(group)
        graph.outputTensorGroups = [together]
    model.name, model.subgraphMetadata, model.minParserVersion = "a test network", [graph], "1.0.0"
    return pack(model, b"M001")


def content_of(properties: Any) -> Any:
    """Return what says that a tensor has `properties`."""
    content = meta.ContentT()
    content.contentPropertiesType = getattr(meta.ContentProperties, type(properties).__name__.removesuffix("T"))
    content.contentProperties = properties
    return content


def output(name: str, properties: Any = None, labels: int | None = None) -> Any:
    """Return the metadata of an output; `labels` is of which type the file with the labels is."""
    tensor = meta.TensorMetadataT()
    tensor.name = name
    if properties is not None:
        tensor.content = content_of(properties)
    if labels is not None:
        file = meta.AssociatedFileT()
        file.name, file.type = "labels.txt", labels
        tensor.associatedFiles = [file]
    return tensor


def color_classifier(labels: Sequence[str] = COLORS) -> bytes:
    """Return a network that tells which colour a picture has most of."""
    network = Network(16)
    logits = network.reshape("logits", network.average(16, 1), (1, 3))
    scores = network.softmax("scores", logits, (1, 3), beta=8.0)
    described = output("scores", labels=meta.AssociatedFileType.TENSOR_AXIS_LABELS if labels else None)
    return network.finish([scores], describe(0, 255, [described]), labels)


def square_detector(labels: Sequence[str] = COLORS) -> bytes:
    """Return a network that finds red, green and blue in the 4 x 4 squares of a picture: an SSD without regression."""
    network = Network(64)
    scores = network.reshape("scores", network.average(16, 4), (1, 16, 3))
    anchors = [((row + 0.5) / 4, (column + 0.5) / 4, 0.25, 0.25) for row in range(4) for column in range(4)]
    options = flexbuffers.Builder()
    with options.Map():
        for name, number in (("max_detections", 10), ("max_classes_per_detection", 1), ("num_classes", 3)):
            options.Int(name, number)
        for name, value in (("nms_score_threshold", 0.05), ("nms_iou_threshold", 0.5)):
            options.Float(name, value)
        for axis in "yxhw":
            options.Float(f"{axis}_scale", 1.0)
    inputs = [network.constant("offsets", np.zeros((1, 16, 4))), scores, network.constant("anchors", anchors)]
    shapes = {"location": (1, 10, 4), "category": (1, 10), "score": (1, 10), "number of detections": (1,)}
    outputs = [network.tensor(name, shape) for name, shape in shapes.items()]
    network.add(POSTPROCESS, inputs, outputs, custom=bytes(options.Finish()))
    box = meta.BoundingBoxPropertiesT()
    box.index, box.type, box.coordinateType = [1, 0, 3, 2], meta.BoundingBoxType.BOUNDARIES, meta.CoordinateType.RATIO
    named = meta.AssociatedFileType.TENSOR_VALUE_LABELS if labels else None
    others = [output(name, meta.FeaturePropertiesT()) for name in ("score", "number of detections")]
    described = [output("location", box), output("category", meta.FeaturePropertiesT(), named), *others]
    return network.finish(outputs, describe(0, 255, described, list(shapes)[:3]), labels)


def spot_face_detector() -> bytes:
    """Return a network of BlazeFace's outputs that takes white squares for faces: one of 1/8 of the picture's width."""
    network = Network(128)
    boxes, scores = [], []
    for size, count, anchors in ((8, 16, 2), (16, 8, 6)):
        averages, cells = network.average(size, count), count * count * anchors
        sure = network.mix(f"score{count}", averages, count, 3.0, [-3.0 - (count == 8)] * anchors)
        where = network.mix(f"box{count}", averages, count, 0.0, FACE * anchors)
        scores.append(network.reshape(f"scores{count}", sure, (1, cells, 1)))
        boxes.append(network.reshape(f"boxes{count}", where, (1, cells, 16)))
    outputs = [network.concatenate("regressors", boxes, (1, 896, 16))]
    outputs.append(network.concatenate("classificators", scores, (1, 896, 1)))
    return network.finish(outputs, describe(127.5, 127.5, [output("regressors"), output("classificators")]))


NETWORKS: dict[str, Callable[[], bytes]] = {
    "color_classifier.tflite": color_classifier,
    "square_detector.tflite": square_detector,
    "spot_face_detector.tflite": spot_face_detector,
}


def main() -> None:
    """Write all networks."""
    DIRECTORY.mkdir(exist_ok=True)
    for name, make in NETWORKS.items():
        content = make()
        (DIRECTORY / name).write_bytes(content)
        print(f"{name}: {len(content)} bytes")


if __name__ == "__main__":
    main()
