"""A classifier as transformers saves it: network, names and pre-processing come out of its own files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from im_classification.modules import ModuleSession, sides
from im_classification.package import Activation, ClassifierPackage
from im_classification.preparation import ByProcessor
from inference_models import CorruptedModelPackageError, ModelLoadingError
from inference_models.developer_tools import (
    ForwardPass,
    ImageNetwork,
    ModelPackageMetadata,
    TransformersToolkit,
    batch_limits,
    choose_batch_sizes,
    map_classes,
    parse_class_names,
)

CONFIG = "config.json"
_NETWORKS = {"resnet": "ResNetForImageClassification", "vit": "ViTForImageClassification"}
_PROCESSORS = ("preprocessor_config.json", "processor_config.json")
# What transformers calls the tasks, and what makes probabilities in them.
_ACTIVATIONS = {"single_label_classification": "softmax", "multi_label_classification": "sigmoid"}


def open_checkpoint(
    directory: Path,
    toolkit: TransformersToolkit,
    family: str,
    *,
    activation: Activation,
    metadata: ModelPackageMetadata | None = None,
) -> ClassifierPackage:
    """Open what `save_pretrained` of transformers wrote into `directory`: of the model, and of its image processor.

    Args:
        directory: holds config.json, the weights and preprocessor_config.json; and class_names.txt, if the names in
            config.json are not those to be shown.
        toolkit: of the backend.
        family: the package's architecture.
        activation: what makes probabilities of the network's output for this task.
        metadata: what the weights provider says about the package, its batch sizes among it.

    Raises:
        CorruptedModelPackageError: a file is missing or malformed, or two contradict each other.
        ModelLoadingError: the network is of another task; the message says which.
    """
    if not any((directory / name).is_file() for name in _PROCESSORS):
        raise CorruptedModelPackageError(
            f"{directory} has neither inference_config.json nor preprocessor_config.json, so nothing says how images "
            f"are prepared. Save the image processor beside the model with save_pretrained() of transformers."
        )
    model = load_model(directory, toolkit, family)
    _check_task(model.config, activation, directory)
    processor = toolkit.load_processor("AutoImageProcessor", directory)
    session = as_session(model, toolkit)
    _check_input(processor, session.inputs[0].shape, directory)
    return ClassifierPackage(
        network=ImageNetwork(
            session, session.inputs[0], choose_batch_sizes(batch_limits(session), ForwardPass(), metadata)
        ),
        classes=map_classes(_class_names(model.config, directory), ()),
        prepare=ByProcessor(processor),
        is_fused=False,
    )


def load_model(directory: Path, toolkit: TransformersToolkit, family: str) -> Any:
    """Return the network in a directory, a `ResNetForImageClassification` or `ViTForImageClassification`.

    Raises:
        CorruptedModelPackageError: a file is missing or damaged, the weights are not what config.json describes, or
            that is of another family.
        ModelLoadingError: its images have not three colours.
    """
    read_config(directory / CONFIG, family)
    model = toolkit.load_model(_NETWORKS[family], directory)
    if model.config.num_channels != 3:
        raise ModelLoadingError(
            f"The network in {directory} takes {model.config.num_channels} colour planes; supported: 3."
        )
    return model


def as_session(model: Any, toolkit: TransformersToolkit) -> ModuleSession:
    """Return a loaded network as a session that takes float32 and gives it, whatever it computes in."""
    height, width = sides(getattr(model.config, "image_size", None))
    return ModuleSession(
        lambda images: model(images.to(model.dtype)).logits,
        toolkit,
        shape=(model.config.num_channels, height, width),
        classes=model.config.num_labels,
    )


def read_config(path: Path, family: str) -> dict[str, Any]:
    """Return what a config.json says, once it is sure that it describes a network of the package's architecture.

    Args:
        path: the file.
        family: the architecture, a key of `_NETWORKS`.

    Raises:
        CorruptedModelPackageError: it is of another, or cannot be read.
    """
    content = _read_object(path)
    found = content.get("model_type")
    if found != family:
        raise CorruptedModelPackageError(
            f"{path} is of model_type {found!r}, expected {family!r}, as the package's model_architecture says. "
            f"Correct the one that is wrong; supported: {', '.join(_NETWORKS)}. Export other networks to ONNX instead."
        )
    return content


def _read_object(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise CorruptedModelPackageError(
            f"{path} cannot be read as JSON: {error}. Download or export the package again."
        ) from error
    return content if isinstance(content, dict) else {}


def _check_task(config: Any, activation: Activation, directory: Path) -> None:
    stated = config.problem_type
    if stated is None or _ACTIVATIONS.get(stated) == activation:
        return
    raise ModelLoadingError(
        f"{directory / CONFIG} says that the network was trained for {stated!r}, which is not the task of this "
        f"package. Correct task_type in its model_config.json."
    )


def _class_names(config: Any, directory: Path) -> tuple[str, ...]:
    path = directory / "class_names.txt"
    names = parse_class_names(path) if path.is_file() else None
    if names is None:
        return tuple(str(config.id2label[number]) for number in range(config.num_labels))
    if len(names) != config.num_labels:
        raise CorruptedModelPackageError(
            f"{path} names {len(names)} classes, and the network in {directory / CONFIG} has {config.num_labels}. "
            f"Correct the one that is wrong."
        )
    return names


def _check_input(processor: Any, shape: tuple[int | None, ...], directory: Path) -> None:
    """Compare what the image processor makes of a picture with what the network takes."""
    picture = np.zeros((shape[2] or 64, shape[3] or 64, 3), np.uint8)
    made = processor(images=[picture], return_tensors="np", input_data_format="channels_last")["pixel_values"].shape
    if all(wanted in (given, None) for wanted, given in zip(shape[1:], made[1:], strict=True)):
        return
    raise CorruptedModelPackageError(
        f"The image processor in {directory} makes pictures of {made[2]}x{made[3]} (height x width), and the network "
        f"takes {shape[2]}x{shape[3]}. Correct size in preprocessor_config.json."
    )
