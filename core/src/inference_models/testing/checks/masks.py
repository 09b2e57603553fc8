"""Whether a model that finds masks gives the same ones in each of its formats."""

from __future__ import annotations

from typing import Any, get_args

from inference_models.entities import InstanceSegmentationMaskFormat
from inference_models.errors import InvalidParameterError
from inference_models.models import InstanceSegmentationModel
from inference_models.predictions import InstancesRLEMasks
from inference_models.testing.checks.comparing import difference
from inference_models.testing.checks.findings import Finding, NotChecked
from inference_models.testing.checks.predictions import check_prediction
from inference_models.testing.checks.subject import ModelSubject

_FORMATS = frozenset(get_args(InstanceSegmentationMaskFormat))


def check_mask_formats(subject: ModelSubject) -> None:
    """Check that each supported format is what it is called, and that run lengths are the dense masks.

    Raises:
        Finding: a format is unknown, another type comes, or masks differ.
        NotChecked: the model is none for instance segmentation, or takes no `mask_format`.
    """
    if subject.method != "infer" or not isinstance(subject.model, InstanceSegmentationModel):
        raise NotChecked("the model finds no masks of instances")
    formats = set(subject.model.supported_mask_formats)
    if not formats or not formats <= _FORMATS:
        raise Finding(
            f"{subject.name}.supported_mask_formats is {sorted(formats)}.",
            f"Return some of {', '.join(sorted(_FORMATS))}.",
        )
    for image in subject.images:
        found = {name: _ask(subject, image, name) for name in sorted(formats)}
        for name, answer in found.items():
            check_prediction(answer, (image.shape[0], image.shape[1]))
            if answer.mask is None or isinstance(answer.mask, InstancesRLEMasks) != (name == "rle"):
                raise Finding(
                    f'{subject.name} gives {type(answer.mask).__name__} for mask_format="{name}".',
                    'Give a boolean array for "dense" and InstancesRLEMasks for "rle"; dense_masks and rle_masks do.',
                )
        if len(found) == len(_FORMATS):
            _compare(subject, found["dense"], found["rle"])


def _ask(subject: ModelSubject, image: Any, mask_format: str) -> Any:
    try:
        (answer,) = subject.call(image, mask_format=mask_format)
    except InvalidParameterError as error:
        raise NotChecked(f"the model takes no mask_format: {error}") from None
    return answer


def _compare(subject: ModelSubject, dense: Any, encoded: Any) -> None:
    text = difference(dense.to_numpy().mask, encoded.mask.to_dense(), subject.tolerance)
    if text is not None:
        raise Finding(
            f"The masks of {subject.name} are others as run lengths: {text.replace('the answer', 'the mask')}.",
            "Make one of the other: InstancesRLEMasks.from_dense, or rle_masks with what dense_masks gets.",
        )
