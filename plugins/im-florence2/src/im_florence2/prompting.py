"""Asking Florence-2 a prompt: the three steps, and the two ways through them, whole answers or a stream of text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

from im_florence2.answers import Answer, parse_answer
from im_florence2.arguments import as_prompts, check_stream, filled, named_options
from im_florence2.generation import Generation
from im_florence2.images import prepare_pictures, untouched
from im_florence2.network import Inputs, decode, encode, generate
from im_florence2.network import stream as stream_text
from im_florence2.package import Florence2Package, open_package
from im_florence2.results import as_plain
from im_florence2.tasks import TASKS, expand_prompt, find_task
from inference_models import (
    ColorFormat,
    InvalidParameterError,
    ModelInputError,
    PreProcessingOverrides,
    SessionClosedError,
    VisionLanguageModel,
)
from inference_models.developer_tools import Array, ImageDimensions, Images, PreProcessingMetadata, TransformersToolkit


class Florence2Prompting(VisionLanguageModel):
    """What all that Florence-2 does is made of. Safe to use from several threads at once."""

    def __init__(self, package: Florence2Package) -> None:
        """Make a model of an opened package."""
        self._opened: Florence2Package | None = package

    @classmethod
    def from_pretrained(cls, model_name_or_path: str, *, toolkit: TransformersToolkit) -> Self:
        """Load the model from the directory of its package.

        Args:
            model_name_or_path: the directory.
            toolkit: of the backend.

        Raises:
            CorruptedModelPackageError: a file is missing or malformed, or the weights do not match the config.
            ModelLoadingError: the package needs what is not supported; the message names what is.
            MissingDependencyError: it needs what is not installed.
        """
        return cls(open_package(model_name_or_path, toolkit))

    @property
    def runtime(self) -> Mapping[str, object]:
        """Versions, device and dtype. For reports."""
        package = self._package
        return {**package.toolkit.runtime, "dtype": str(package.model.dtype).removeprefix("torch.")}

    def close(self) -> None:
        """Let go of the network; the model cannot be used afterwards."""
        super().close()
        self._opened = None

    @named_options
    def prompt(
        self,
        images: Images,
        prompt: str | Sequence[str],
        *,
        max_new_tokens: int | None = None,
        num_beams: int | None = None,
        do_sample: bool | None = None,
        seed: int | None = None,
        skip_special_tokens: bool = False,
        task: str | None = None,
        stream: bool = False,
        input_color_format: ColorFormat | None = None,
        pre_processing_overrides: PreProcessingOverrides | None = None,
    ) -> Any:
        """Answer a prompt about each image.

        Args:
            images: one image, a list of them of any sizes, an array (N, H, W, 3) or a tensor (N, 3, H, W). An image
                is a numpy array (H, W, 3) uint8, or a torch tensor (3, H, W) of uint8 values or floats in 0 to 1.
            prompt: a text for all images, or one for each; or several about one image. One that begins with a task
                token, such as "<OD>", asks for that task.
            max_new_tokens: how many tokens are generated at most; never more than the network has places for. Default:
                INFERENCE_MODELS_FLORENCE2_DEFAULT_MAX_NEW_TOKENS, or 4096.
            num_beams: how many continuations are followed at a time. Default:
                INFERENCE_MODELS_FLORENCE2_DEFAULT_NUM_BEAMS, or 3; when streaming, 1.
            do_sample: draw tokens at random, by their probability. Default:
                INFERENCE_MODELS_FLORENCE2_DEFAULT_DO_SAMPLE, or False.
            seed: what the draws start from: the same images, prompts and seed give the same text.
            skip_special_tokens: leave out location tokens, too. Those that begin, end and fill a text never show.
            task: a task token; what was generated is read as that task's answer.
            stream: yield the text of one image and prompt as it is generated.
            input_color_format: the order of the images' colours; default "bgr" for numpy, as OpenCV reads them, and
                "rgb" for torch.
            pre_processing_overrides: single steps of the package's inference_config.json to leave out.

        Returns:
            A text for each image. With `task`, a mapping {task: answer} for each, as `post_process_generation` returns
            it. With `stream`, an iterator over pieces of the text; close it to stop early.

        Raises:
            ModelInputError: an image cannot be used, a prompt is no text or too long, the numbers of images and prompts
                differ, or a task token lacks what it needs.
            InvalidParameterError: an option has a value that cannot be used, or two do not go together.
            SessionClosedError: the model is closed.
        """
        options = Generation.parse(max_new_tokens, 1 if stream and num_beams is None else num_beams, do_sample, seed)
        if stream:
            check_stream(images, prompt, options, task)
        inputs, _, metadata = self.pre_process_generation(
            images, prompt, input_color_format=input_color_format, pre_processing_overrides=pre_processing_overrides
        )
        if stream:
            return stream_text(self._package, inputs, options, skip_special_tokens=skip_special_tokens)
        generated = generate(self._package, inputs, options)
        return self.post_process_generation(
            generated, skip_special_tokens=skip_special_tokens, metadata=metadata, task=task
        )

    @named_options
    def pre_process_generation(
        self,
        images: Images,
        prompt: str | Sequence[str],
        *,
        input_color_format: ColorFormat | None = None,
        pre_processing_overrides: PreProcessingOverrides | None = None,
    ) -> tuple[Inputs, list[ImageDimensions], list[PreProcessingMetadata]]:
        """Turn images and prompts into what the network takes.

        Args:
            images: as for `prompt`.
            prompt: as for `prompt`.
            input_color_format: as for `prompt`.
            pre_processing_overrides: as for `prompt`.

        Returns:
            The network's inputs, on its device; the size of each image as `ImageDimensions`; and how each was prepared.

        Raises:
            ModelInputError: as by `prompt`.
            InvalidParameterError: as by `prompt`.
            SessionClosedError: the model is closed.
        """
        package = self._package
        prompts = as_prompts(prompt)
        pictures, metadata = prepare_pictures(
            images, package.pre_processor, input_color_format=input_color_format, overrides=pre_processing_overrides
        )
        sentences = [expand_prompt(text) for text in prompts]
        count = max(len(pictures), len(sentences))
        if {len(pictures), len(sentences)} - {1, count}:
            raise ModelInputError(
                f"There are {len(pictures)} images and {len(sentences)} prompts. Give one prompt for all images, one "
                f"for each, or several about one image."
            )
        inputs = encode(package, filled(sentences, count), filled(pictures, count))
        metadata = filled(metadata, count)
        return inputs, [one.original_size for one in metadata], metadata

    @named_options
    def generate(
        self,
        inputs: Inputs,
        *,
        max_new_tokens: int | None = None,
        num_beams: int | None = None,
        do_sample: bool | None = None,
        seed: int | None = None,
    ) -> Array:
        """Run the network.

        Args:
            inputs: as `pre_process_generation` returns them.
            max_new_tokens: as for `prompt`.
            num_beams: as for `prompt`.
            do_sample: as for `prompt`.
            seed: as for `prompt`.

        Returns:
            A tensor (N, length) int64 of token ids on the network's device, padded at the end.

        Raises:
            InvalidParameterError: an option has a value that cannot be used.
            ModelRuntimeError: the device has not enough memory.
            SessionClosedError: the model is closed.
        """
        return generate(self._package, inputs, Generation.parse(max_new_tokens, num_beams, do_sample, seed))

    @named_options
    def post_process_generation(
        self,
        generated_ids: Array,
        *,
        skip_special_tokens: bool = False,
        image_dimensions: Sequence[ImageDimensions] | None = None,
        metadata: Sequence[PreProcessingMetadata] | None = None,
        task: str | None = None,
    ) -> list[Any]:
        """Turn generated tokens into text, or into what the text says.

        Args:
            generated_ids: (N, length) as `generate` returns them.
            skip_special_tokens: leave out location tokens, too.
            image_dimensions: as `pre_process_generation` returns it: enough with a task for packages without
                inference_config.json.
            metadata: as `pre_process_generation` returns it: enough with a task for all packages.
            task: a task token; None: return the texts.

        Returns:
            A text for each row; with a task, {task: answer} for each: a text, or a mapping with "bboxes" (left, top,
            right, bottom), "quad_boxes" (x, y of four corners) or "polygons" (for each thing a list of outlines x, y,
            x, y, ...), in pixels of the source image, and "labels".

        Raises:
            InvalidParameterError: there is no such task, or the metadata is missing or for another number of images.
            SessionClosedError: the model is closed.
        """
        if task is None:
            return decode(self._package, generated_ids, skip_special_tokens=skip_special_tokens)
        found = find_task(task)
        placed = metadata if metadata is not None else [untouched(size) for size in image_dimensions or ()]
        if len(placed) != len(generated_ids):
            raise InvalidParameterError(
                f"`metadata` must say how each of the {len(generated_ids)} images was prepared, and it is about "
                f"{len(placed)}; `pre_process_generation` returns it."
            )
        texts = decode(self._package, generated_ids)
        return [
            {found.token: as_plain(parse_answer(text, found.answer), found.answer, one)}
            for text, one in zip(texts, placed, strict=True)
        ]

    def _ask(
        self,
        token: str,
        images: Images,
        rest: str | Callable[[list[PreProcessingMetadata]], list[str]] = "",
        *,
        input_color_format: ColorFormat | None = None,
        pre_processing_overrides: PreProcessingOverrides | None = None,
        **generation: Any,
    ) -> list[tuple[Answer, PreProcessingMetadata]]:
        """Return what the network answers to a task about each image, and how each was prepared.

        Args:
            token: of the task.
            images: as for `prompt`.
            rest: what follows the token; or a function that returns it for each image.
            input_color_format: as for `prompt`.
            pre_processing_overrides: as for `prompt`.
            **generation: those of `Generation.parse`.
        """
        package, task = self._package, TASKS[token]
        options = Generation.parse(**generation)
        pictures, metadata = prepare_pictures(
            images, package.pre_processor, input_color_format=input_color_format, overrides=pre_processing_overrides
        )
        parts = [rest] * len(pictures) if isinstance(rest, str) else rest(metadata)
        inputs = encode(package, [expand_prompt(f"{token}{part}") for part in parts], pictures)
        texts = decode(package, generate(package, inputs, options))
        return [(parse_answer(text, task.answer), one) for text, one in zip(texts, metadata, strict=True)]

    @property
    def _package(self) -> Florence2Package:
        self.ensure_open()
        package = self._opened
        if package is None:  # closed by another thread this very moment
            raise SessionClosedError("This model was closed and cannot be used any more. Load it again.")
        return package
