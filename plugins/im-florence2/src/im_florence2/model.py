"""Florence-2: one method for each of the things that it was trained to do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Literal, get_args

from im_florence2.arguments import named_options
from im_florence2.places import Region, read_regions
from im_florence2.prompting import Florence2Prompting
from im_florence2.results import as_detections, as_instances, as_texts
from inference_models import Detections, InstanceDetections, InstanceSegmentationMaskFormat, InvalidParameterError
from inference_models.developer_tools import Images, NamedTask, PreProcessingMetadata, describe_choices

LabelsMode = Literal["classes", "captions", "rois"]
Granularity = Literal["normal", "detailed", "very_detailed"]

_LABELS: Mapping[LabelsMode, str] = {
    "classes": "<OD>",
    "captions": "<DENSE_REGION_CAPTION>",
    "rois": "<REGION_PROPOSAL>",
}
_CAPTIONS: Mapping[Granularity, str] = {
    "normal": "<CAPTION>",
    "detailed": "<DETAILED_CAPTION>",
    "very_detailed": "<MORE_DETAILED_CAPTION>",
}
_GROUNDING, _SEPARATOR = "<CAPTION_TO_PHRASE_GROUNDING>", "<and>"


class Florence2(Florence2Prompting):
    """Florence-2 over Hugging Face transformers. Safe to use from several threads at once.

    Every method takes one image, a list of them of any sizes, an array (N, H, W, 3) or a tensor (N, 3, H, W), and
    returns something for each. An image is a numpy array (H, W, 3) uint8, or a torch tensor (3, H, W) of uint8 values
    or floats in 0 to 1. Their `**options` are those of `prompt` that concern images and generation: max_new_tokens,
    num_beams, do_sample, seed, input_color_format and pre_processing_overrides. All of them raise:

        ModelInputError: an image or a text cannot be used.
        InvalidParameterError: an option, a region or a mode cannot be used.
        ModelRuntimeError: the device has not enough memory.
        SessionClosedError: the model is closed.

    Predictions are in kind: arrays for arrays, tensors on the image's device for tensors. The network states no
    probabilities: every confidence is 1.
    """

    tasks: ClassVar[Mapping[str, NamedTask]] = {
        "caption": NamedTask("caption_image"),
        "detailed-caption": NamedTask("caption_image", options={"granularity": "detailed"}),
        "very-detailed-caption": NamedTask("caption_image", options={"granularity": "very_detailed"}),
        "detect": NamedTask("detect_objects"),
        "describe-regions": NamedTask("detect_objects", options={"labels_mode": "captions"}),
        "propose-regions": NamedTask("detect_objects", options={"labels_mode": "rois"}),
        "ground": NamedTask("ground_phrase", text="phrase"),
        "segment": NamedTask("segment_phrase", text="phrase"),
        "ocr": NamedTask("ocr_image"),
        "parse-document": NamedTask("parse_document"),
    }

    @named_options
    def caption_image(self, images: Images, granularity: Granularity = "normal", **options: Any) -> list[str]:
        """Describe each image: in a phrase ("normal"), a sentence ("detailed") or a paragraph ("very_detailed")."""
        return self._texts(_choose("granularity", granularity, _CAPTIONS), images, **options)

    @named_options
    def ocr_image(self, images: Images, **options: Any) -> list[str]:
        """Read the text in each image."""
        return self._texts("<OCR>", images, **options)

    @named_options
    def detect_objects(
        self,
        images: Images,
        labels_mode: LabelsMode = "classes",
        classes: Sequence[str] | None = None,
        **options: Any,
    ) -> list[Detections]:
        """Find things in each image.

        Args:
            images: see the class.
            labels_mode: label them with names of classes ("classes"), with descriptions ("captions") or not ("rois").
            classes: look for these only; with "classes" alone. Class ids of the result index them, and are their
                number for what the network calls otherwise.
            **options: see the class.

        Returns:
            The boxes of each image, with their labels as "class_name" in `bboxes_metadata`.
        """
        token = _choose("labels_mode", labels_mode, _LABELS)
        if classes is None:
            return [as_detections(answer.boxes, one) for answer, one in self._ask(token, images, **options)]
        if labels_mode != "classes":
            raise InvalidParameterError(f"`classes` go with labels_mode='classes', got labels_mode={labels_mode!r}.")
        names = _names(classes)
        answers = self._ask(_GROUNDING, images, _SEPARATOR.join(names), **options)
        return [as_detections(answer.boxes, one, names) for answer, one in answers]

    @named_options
    def ground_phrase(self, images: Images, phrase: str, **options: Any) -> list[Detections]:
        """Find what a phrase or caption speaks of; each box is labelled with its part of the phrase."""
        answers = self._ask(_GROUNDING, images, _phrase(phrase), **options)
        return [as_detections(answer.boxes, one) for answer, one in answers]

    @named_options
    def segment_phrase(
        self, images: Images, phrase: str, *, mask_format: InstanceSegmentationMaskFormat = "dense", **options: Any
    ) -> list[InstanceDetections]:
        """Find the outline of what a phrase describes. The instances of each image have the phrase as their name."""
        _choose("mask_format", mask_format, {name: name for name in get_args(InstanceSegmentationMaskFormat)})
        answers = self._ask("<REFERRING_EXPRESSION_SEGMENTATION>", images, _phrase(phrase), **options)
        return [as_instances(answer.outlines, one, phrase, mask_format) for answer, one in answers]

    @named_options
    def segment_region(
        self, images: Images, xyxy: Region, *, mask_format: InstanceSegmentationMaskFormat = "dense", **options: Any
    ) -> list[InstanceDetections]:
        """Find the outline of what is in a region of each image.

        Args:
            images: see the class.
            xyxy: left, top, right, bottom in pixels, or all in 0 to 1 as shares of width and height; one for all
                images, or one for each.
            mask_format: "dense" or "rle".
            **options: see the class.
        """
        _choose("mask_format", mask_format, {name: name for name in get_args(InstanceSegmentationMaskFormat)})
        answers = self._ask("<REGION_TO_SEGMENTATION>", images, _region(xyxy), **options)
        return [as_instances(answer.outlines, one, None, mask_format) for answer, one in answers]

    @named_options
    def classify_image_region(self, images: Images, xyxy: Region, **options: Any) -> list[str]:
        """Name the class of what is in a region of each image; `xyxy` as for `segment_region`."""
        return self._texts("<REGION_TO_CATEGORY>", images, _region(xyxy), **options)

    @named_options
    def caption_image_region(self, images: Images, xyxy: Region, **options: Any) -> list[str]:
        """Describe what is in a region of each image; `xyxy` as for `segment_region`."""
        return self._texts("<REGION_TO_DESCRIPTION>", images, _region(xyxy), **options)

    @named_options
    def ocr_image_region(self, images: Images, xyxy: Region, **options: Any) -> list[str]:
        """Read the text in a region of each image; `xyxy` as for `segment_region`."""
        return self._texts("<REGION_TO_OCR>", images, _region(xyxy), **options)

    @named_options
    def parse_document(self, images: Images, **options: Any) -> list[Detections]:
        """Read the text in each image and where it stands.

        Returns:
            The boxes around the texts of each image; in `bboxes_metadata` the text as "class_name" and the four corners
            around it, x and y in pixels, as "polygon".
        """
        return [as_texts(answer.quads, one) for answer, one in self._ask("<OCR_WITH_REGION>", images, **options)]

    def _texts(self, token: str, images: Images, rest: Any = "", **options: Any) -> list[str]:
        return [answer.text for answer, _ in self._ask(token, images, rest, **options)]


def _region(xyxy: Region) -> Callable[[list[PreProcessingMetadata]], list[str]]:
    return lambda metadata: read_regions(xyxy, metadata)


def _phrase(phrase: object) -> str:
    if not isinstance(phrase, str) or not phrase.strip():
        raise InvalidParameterError(f"`phrase` must be a text that says what to look for, got {phrase!r}.")
    return phrase


def _names(classes: Any) -> list[str]:
    names = [classes] if isinstance(classes, str) or not isinstance(classes, Iterable) else list(classes)
    if not names or not all(isinstance(name, str) and name.strip() for name in names):
        raise InvalidParameterError(f"`classes` must name what to look for, at least one text; got {classes!r}.")
    return names


def _choose(name: str, value: Any, choices: Mapping[Any, str]) -> str:
    if not isinstance(value, str) or value not in choices:
        raise InvalidParameterError(f"{name}={value!r} does not exist. {describe_choices(str(value), sorted(choices))}")
    return choices[value]
