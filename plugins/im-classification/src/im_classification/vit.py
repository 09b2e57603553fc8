"""ViT in torch: transformers' own class, and a linear layer over what it says of the class token."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, Self

from torch import nn
from transformers.models.vit import ViTConfig, ViTModel

from im_classification.classifiers import Classifier, ClassifierStages, MultiLabelClassifier
from im_classification.initialization import read_class_count
from im_classification.modules import ModuleSession
from inference_models import CorruptedModelPackageError
from inference_models.developer_tools import (
    InferenceConfig,
    ModelPackageMetadata,
    RecommendedParameters,
    TorchToolkit,
)

_BACKBONE, _HEAD = "vit", "classifier_layer_weights.pth"
# What files of backbones may hold beside it: a pooler, and the head of the network that it was part of.
_UNUSED = ("pooler.", "vit.pooler.", "classifier.")


class _Network(nn.Module):
    def __init__(self, backbone: ViTModel, head: nn.Linear) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head

    def forward(self, images: Any) -> Any:
        """Map (N, channels, height, width) to logits (N, classes)."""
        return self.head(self.backbone(images).last_hidden_state[:, 0])


class _OwnViT(ClassifierStages):
    @classmethod
    def from_pretrained(
        cls,
        model_name_or_path: str | Path,
        *,
        toolkit: TorchToolkit,
        recommended_parameters: RecommendedParameters | None = None,
        package: ModelPackageMetadata | None = None,
    ) -> Self:
        """Load the package in a directory.

        Args:
            model_name_or_path: the directory. It holds inference_config.json with `model_initialization`,
                class_names.txt, the backbone as vit/config.json and vit/model.safetensors, and the last layer's
                "weight" and "bias" as classifier_layer_weights.pth.
            toolkit: reads weights and places the network; `AutoModel` hands it over.
            recommended_parameters: thresholds behind `confidence="best"`.
            package: the package's metadata; its batch sizes count.

        Raises:
            CorruptedModelPackageError: a file is missing or malformed, or the weights are of another network.
            ModelLoadingError: the package needs what is not supported; the message names what is.
        """
        return cls._open(model_name_or_path, partial(open_vit, toolkit), package, recommended_parameters)


class ViTClassifier(_OwnViT, Classifier):
    """Gives each image one class, with a ViT in torch."""


class ViTMultiLabelClassifier(_OwnViT, MultiLabelClassifier):
    """Gives each image any number of labels, with a ViT in torch."""


def open_vit(toolkit: TorchToolkit, directory: Path, config: InferenceConfig, classes: int) -> ModuleSession:
    """Build the network that a package describes, and load its weights.

    Args:
        toolkit: of the backend.
        directory: holds the weights.
        config: its `model_initialization` says how many classes there are.
        classes: how many class_names.txt names.

    Raises:
        CorruptedModelPackageError: the weights are missing, or of another network.
    """
    read_class_count(config, directory, classes)
    backbone = load_backbone(toolkit, directory / _BACKBONE)
    head = nn.Linear(backbone.config.hidden_size, classes)
    toolkit.load_weights(head, toolkit.load_state_dict(directory / _HEAD))
    network = toolkit.place(_Network(backbone, head))
    height, width = _sides(backbone.config.image_size)
    return ModuleSession(network, toolkit, shape=(backbone.config.num_channels, height, width), classes=classes)


def load_backbone(toolkit: TorchToolkit, directory: Path) -> ViTModel:
    """Load the backbone in a directory, without the internet and without code from there.

    Args:
        toolkit: reads the weights.
        directory: holds config.json and model.safetensors, the weights under the names that any release of transformers
            gave them.

    Raises:
        CorruptedModelPackageError: a file is missing or malformed, or lacks weights.
    """
    if not (directory / "config.json").is_file():
        raise CorruptedModelPackageError(
            f"{directory / 'config.json'} is missing. Download or export the package again."
        )
    weights = toolkit.load_state_dict(directory / "model.safetensors")
    used = {name: tensor for name, tensor in weights.items() if not name.startswith(_UNUSED)}
    try:
        backbone, outcome = ViTModel.from_pretrained(
            None,
            config=ViTConfig.from_pretrained(directory, local_files_only=True),
            state_dict=used,
            add_pooling_layer=False,
            output_loading_info=True,
        )
    except (OSError, ValueError, TypeError, RuntimeError) as error:
        raise CorruptedModelPackageError(
            f"{directory} does not hold a ViT: {str(error).partition(chr(10))[0]} Download or export it again."
        ) from error
    lacking = sorted(outcome["missing_keys"])
    if lacking:
        raise CorruptedModelPackageError(
            f"{directory / 'model.safetensors'} lacks {len(lacking)} weights of the ViT that config.json describes, "
            f"among them {lacking[0]}. Export the package again."
        )
    return backbone


def _sides(image_size: int | tuple[int, int] | list[int]) -> tuple[int, int]:
    if isinstance(image_size, int):
        return image_size, image_size
    height, width = image_size
    return height, width
