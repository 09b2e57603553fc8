"""Classifiers over Hugging Face transformers: ResNet and ViT as it saves them, and a ViT beside a layer of its own."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Self

from im_classification.checkpoint import CONFIG, as_session, load_model, open_checkpoint
from im_classification.classifiers import Classifier, ClassifierStages, MultiLabelClassifier
from im_classification.initialization import read_class_count
from im_classification.modules import ModuleSession, sides
from inference_models import CorruptedModelPackageError
from inference_models.developer_tools import (
    InferenceConfig,
    ModelPackageMetadata,
    RecommendedParameters,
    TransformersToolkit,
)

# A backbone may come with the head of the network that it was part of, and without the pooler that nothing here uses.
_LEFT_OVER, _UNUSED = ("classifier.*",), ("pooler.*",)


class _OverTransformers(ClassifierStages):
    """What all of them share.

    Attributes:
        family: the architecture that they load, which config.json calls `model_type`.
    """

    family: ClassVar[str]

    @classmethod
    def from_pretrained(
        cls,
        model_name_or_path: str | Path,
        *,
        toolkit: TransformersToolkit,
        recommended_parameters: RecommendedParameters | None = None,
        package: ModelPackageMetadata | None = None,
    ) -> Self:
        """Load the package in a directory.

        Args:
            model_name_or_path: the directory. It holds config.json and model.safetensors, as `save_pretrained` of
                transformers writes them, or the files that `ViTClassifier` says. With them are inference_config.json
                and class_names.txt; or else preprocessor_config.json, and the names are those of config.json.
            toolkit: loads models and image processors; `AutoModel` hands it over.
            recommended_parameters: thresholds behind `confidence="best"`.
            package: the package's metadata; its batch sizes count.

        Raises:
            CorruptedModelPackageError: a file is missing or malformed, or two contradict each other.
            ModelLoadingError: the package needs what is not supported; the message names what is.
        """
        directory = Path(model_name_or_path)
        if (directory / "inference_config.json").is_file():
            return cls._open(directory, partial(open_network, toolkit, cls.family), package, recommended_parameters)
        opened = open_checkpoint(directory, toolkit, cls.family, activation=cls.activation, metadata=package)
        return cls(opened, recommended_parameters)


class TransformersResNet(_OverTransformers, Classifier):
    """Gives each image one class, with a ResNet of transformers."""

    family = "resnet"


class TransformersMultiLabelResNet(_OverTransformers, MultiLabelClassifier):
    """Gives each image any number of labels, with a ResNet of transformers."""

    family = "resnet"


class TransformersViT(_OverTransformers, Classifier):
    """Gives each image one class, with a ViT of transformers."""

    family = "vit"


class TransformersMultiLabelViT(_OverTransformers, MultiLabelClassifier):
    """Gives each image any number of labels, with a ViT of transformers."""

    family = "vit"


def open_network(
    toolkit: TransformersToolkit, family: str, directory: Path, config: InferenceConfig, classes: int
) -> ModuleSession:
    """Load the network of a package that has an inference_config.json.

    Args:
        toolkit: of the backend.
        family: the package's architecture.
        directory: holds the network.
        config: of a ViT beside a layer of its own, its `model_initialization` says how many classes there are.
        classes: how many class_names.txt names.

    Raises:
        CorruptedModelPackageError: a file is missing or damaged, or the network or the weights are of another family.
        ModelLoadingError: the network takes images of other colours than three.
    """
    if (directory / CONFIG).is_file():
        return as_session(load_model(directory, toolkit, family), toolkit)
    if family != "vit":
        raise CorruptedModelPackageError(
            f"{directory / CONFIG} is missing, expected that of a {family!r}, as the package's model_architecture "
            f"says. Only a 'vit' may lie beside a layer of its own. Correct model_architecture, or export it again."
        )
    read_class_count(config, directory, classes)
    return _vit_beside_head(toolkit, directory, classes)


def _vit_beside_head(toolkit: TransformersToolkit, directory: Path, classes: int) -> ModuleSession:
    from im_classification.vit import BACKBONE, HEAD, BackboneAndHead

    backbone = toolkit.load_model(
        "ViTModel", directory / BACKBONE, ignore_unexpected=_LEFT_OVER, ignore_missing=_UNUSED
    )
    head = _linear(toolkit.load_state_dict(directory / HEAD), backbone.config.hidden_size, classes, directory / HEAD)
    network = BackboneAndHead(backbone, head.to(device=toolkit.device, dtype=backbone.dtype)).eval()
    height, width = sides(backbone.config.image_size)
    return ModuleSession(
        lambda images: network(images.to(backbone.dtype)),
        toolkit,
        shape=(backbone.config.num_channels, height, width),
        classes=classes,
    )


def _linear(weights: dict[str, Any], inputs: int, outputs: int, path: Path) -> Any:
    """Return a linear layer of these weights."""
    from torch import nn

    found = {name: tuple(tensor.shape) for name, tensor in weights.items()}
    expected = {"weight": (outputs, inputs), "bias": (outputs,)}
    if found != expected:
        raise CorruptedModelPackageError(
            f"{path} does not hold the last layer of this network: expected {expected}, found {found}. Check that it "
            f"belongs to the backbone and to class_names.txt, or export the package again."
        )
    layer = nn.Linear(inputs, outputs)
    layer.load_state_dict(weights)
    return layer.requires_grad_(False)
