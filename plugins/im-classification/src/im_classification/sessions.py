"""Classifiers whose network a backend opens: ONNX Runtime, TensorRT, TorchScript."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from im_classification.classifiers import Classifier, ClassifierStages, MultiLabelClassifier
from inference_models.developer_tools import ModelPackageMetadata, RecommendedParameters, SessionOpener


class _OverSession(ClassifierStages):
    @classmethod
    def from_pretrained(
        cls,
        model_name_or_path: str | Path,
        *,
        open_session: SessionOpener,
        recommended_parameters: RecommendedParameters | None = None,
        package: ModelPackageMetadata | None = None,
    ) -> Self:
        """Load the package in a directory.

        Args:
            model_name_or_path: the directory. It holds inference_config.json, class_names.txt and the network.
            open_session: opens the network; `AutoModel` hands it over.
            recommended_parameters: thresholds behind `confidence="best"`.
            package: the package's metadata; its batch sizes count.

        Raises:
            CorruptedModelPackageError: a file is missing or malformed, or the network contradicts one.
            ModelLoadingError: the package needs what is not supported; the message names what is.
        """
        return cls._open(
            model_name_or_path,
            lambda directory, config, classes: open_session(directory),
            package,
            recommended_parameters,
        )


class SessionClassifier(_OverSession, Classifier):
    """Gives each image one class, with a network that its backend opens."""


class SessionMultiLabelClassifier(_OverSession, MultiLabelClassifier):
    """Gives each image any number of labels, with a network that its backend opens."""
