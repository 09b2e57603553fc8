"""RF-DETR on PyTorch: model packages of the backend `torch`, and training checkpoints of the rf-detr project."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from im_rfdetr.architecture import Architecture, read_architecture
from im_rfdetr.checkpoint import Checkpoint, read_checkpoint
from im_rfdetr.classes import Classes
from im_rfdetr.detection import RFDETRDetector
from im_rfdetr.inputs import training_config
from im_rfdetr.labels import choose_labels
from im_rfdetr.network import build_network, with_plain_outputs
from im_rfdetr.package import RFDETRPackage, join_package, read_files
from im_rfdetr.resolution import MaxResolution, check_resolution
from im_rfdetr.segmentation import RFDETRInstanceSegmenter
from im_rfdetr.sizes import SIZES
from im_rfdetr.stages import RFDETRStages
from im_rfdetr.torch_network import TorchNetwork
from im_rfdetr.weights import rename_weights
from inference_models import CorruptedModelPackageError, InvalidParameterError
from inference_models.developer_tools import (
    ImageDimensions,
    InferenceConfig,
    ModelPackageMetadata,
    RecommendedParameters,
    TorchToolkit,
    check_flag,
    describe_choices,
    map_classes,
)

__all__ = ["RFDETRTorchDetector", "RFDETRTorchInstanceSegmenter"]

_MODEL_TYPE = "model_type.json"
_WEIGHTS = "weights.pth"


class TorchStages(RFDETRStages):
    """What models on PyTorch have of their own; name it before the class of the task."""

    _network: TorchNetwork

    def __init__(self, package: RFDETRPackage, network: TorchNetwork) -> None:
        super().__init__(package)
        self._network = network

    @classmethod
    def from_pretrained(  # type: ignore[override]
        cls,
        model_name_or_path: str | Path,
        *,
        toolkit: TorchToolkit,
        model_type: str | None = None,
        labels: Sequence[str] | str | None = None,
        resolution: int | None = None,
        recommended_parameters: RecommendedParameters | None = None,
        model_features: Mapping[str, Any] | None = None,
        package: ModelPackageMetadata | None = None,
        rf_detr_max_input_resolution: MaxResolution = None,
    ) -> Self:
        """Load the package in a directory, or a training checkpoint.

        Args:
            model_name_or_path: the directory, which holds inference_config.json, class_names.txt, model_type.json and
                weights.pth; or the file of a checkpoint.
            toolkit: reads weights and places the network; `AutoModel` hands it over.
            model_type: of a checkpoint, a key of `SIZES`.
            labels: of a checkpoint, the names of its classes in the order of training, or "coco". Default: those that
                it holds.
            resolution: of a checkpoint, height and width of the network's input. Default: that of its training.
            recommended_parameters: thresholds behind `confidence="best"`.
            model_features: what the package's metadata says of the export, "num_select" among it.
            package: the package's metadata; its batch sizes count.
            rf_detr_max_input_resolution: refuse a larger input, in pixels: a number, or width and height.

        Raises:
            CorruptedModelPackageError: a file is missing or malformed, or the weights are not those of `model_type`.
            ModelLoadingError: the package needs what is not supported; the message names what is.
            InvalidParameterError: an option of checkpoints is given for a package, or cannot be used.
        """
        path = Path(model_name_or_path)
        if path.is_dir():
            _refuse(path, model_type=model_type, labels=labels, resolution=resolution)
            config, classes = read_files(path)
            checkpoint = read_checkpoint(path / _WEIGHTS, toolkit)
            architecture = _packaged(checkpoint, path, config)
        else:
            checkpoint = read_checkpoint(path, toolkit)
            architecture = _architecture(checkpoint, _known(model_type), resolution)
            names = choose_labels(labels, checkpoint.said.get("class_names"), architecture.classes)
            config, classes = training_config(architecture.size.resolution), Classes(map_classes(names, ()))
        side = architecture.size.resolution
        check_resolution(ImageDimensions(side, side), rf_detr_max_input_resolution)
        network = _open(checkpoint, architecture, toolkit)
        joined = join_package(
            network,
            config,
            classes,
            needs=cls.needs,
            metadata=package,
            recommended=recommended_parameters,
            features=model_features,
        )
        return cls(joined, network)

    def optimize_for_inference(self, compile: bool = True, dtype: Any = None, batch_size: int = 1) -> None:
        """Run a copy of the network from now on that is made for speed. Results change by rounding only.

        Args:
            compile: compile it with `torch.compile`, which takes from seconds to minutes now and pays off after some
                hundred images. On the CPU that needs a C++ compiler.
            dtype: "float32", "float16", "bfloat16" or a `torch.dtype`. Default: as it was loaded.
            batch_size: how many images the compiled network takes at once; more are split, fewer are padded.

        Raises:
            InvalidParameterError: an argument cannot be used.
            ModelRuntimeError: the network cannot be compiled here.
            SessionClosedError: the model is closed.
        """
        self.ensure_open()
        if not isinstance(batch_size, int) or isinstance(batch_size, bool) or batch_size < 1:
            raise InvalidParameterError(f"batch_size= takes a whole number of at least 1, not {batch_size!r}.")
        self._network.optimize(compile_network=check_flag("compile", compile), dtype=dtype, batch_size=batch_size)

    def remove_optimized_model(self) -> None:
        """Run the network as it was loaded again, and drop the optimised copy. Raises: SessionClosedError."""
        self.ensure_open()
        self._network.restore()


class RFDETRTorchDetector(TorchStages, RFDETRDetector):
    """An RF-DETR object detector on PyTorch. Safe to use from several threads at once."""


class RFDETRTorchInstanceSegmenter(TorchStages, RFDETRInstanceSegmenter):
    """An RF-DETR instance segmenter on PyTorch. Safe to use from several threads at once."""


def _architecture(checkpoint: Checkpoint, model_type: str, resolution: int | None) -> Architecture:
    return read_architecture(checkpoint.weights, checkpoint.said, model_type, resolution)


def _packaged(checkpoint: Checkpoint, directory: Path, config: InferenceConfig) -> Architecture:
    stated = config.network_input.training_input_size
    try:
        return _architecture(checkpoint, _model_type_of(directory), None if stated is None else stated.height)
    except InvalidParameterError as error:
        raise CorruptedModelPackageError(
            f"training_input_size in {directory / 'inference_config.json'} cannot be used: {error.message}"
        ) from None


def _open(checkpoint: Checkpoint, architecture: Architecture, toolkit: TorchToolkit) -> TorchNetwork:
    network = build_network(architecture)
    toolkit.load_weights(network, rename_weights(checkpoint.weights, has_masks=architecture.size.has_masks))
    return TorchNetwork(toolkit.place(with_plain_outputs(network)), architecture, toolkit)


def _known(model_type: str | None) -> str:
    if model_type is None or model_type not in SIZES:
        raise InvalidParameterError(f"model_type= must name a size. {describe_choices(str(model_type), sorted(SIZES))}")
    return model_type


def _model_type_of(directory: Path) -> str:
    path = directory / _MODEL_TYPE
    try:
        document = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise CorruptedModelPackageError(
            f'{path} cannot be read as JSON: {error}. It says what the weights are: {{"model_type": "rfdetr-nano"}}. '
            f"Download or export the package again."
        ) from error
    model_type = document.get("model_type") if isinstance(document, dict) else None
    if not isinstance(model_type, str) or model_type not in SIZES:
        raise CorruptedModelPackageError(
            f"{path}: model_type is {model_type!r}, expected one of {', '.join(SIZES)}. Correct the file."
        )
    return model_type


def _refuse(directory: Path, **given: object) -> None:
    names = [f"{name}=" for name, value in given.items() if value is not None]
    if names:
        raise InvalidParameterError(
            f"{' and '.join(names)} {'is' if len(names) == 1 else 'are'} for training checkpoints; {directory} is a "
            f"model package, whose own files say it. Leave it out."
        )
