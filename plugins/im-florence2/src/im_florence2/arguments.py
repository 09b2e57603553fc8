"""What callers hand in, checked."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from im_florence2.generation import Generation
from inference_models import InvalidParameterError, ModelInputError
from inference_models.developer_tools import Images, as_images, describe_choices

Item = TypeVar("Item")
Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

# What `**options` of a method stand for.
_OPTIONS = frozenset(
    {*inspect.signature(Generation.parse).parameters, "input_color_format", "pre_processing_overrides"}
)


def named_options(method: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Return a method that refuses keyword arguments that it does not know with an InvalidParameterError."""
    parameters = list(inspect.signature(method).parameters.values())[1:]
    names = {one.name for one in parameters if one.kind is not inspect.Parameter.VAR_KEYWORD}
    accepted = names if len(names) == len(parameters) else names | _OPTIONS
    first = parameters[0].name  # given by position as a rule; no slip of the pen is meant for it

    @wraps(method)
    def checked(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        for name in kwargs:
            if name not in accepted:
                raise InvalidParameterError(
                    f"Florence-2 does not know the keyword argument {name!r}. "
                    f"{describe_choices(name, sorted(accepted - {first}))}"
                )
        return method(*args, **kwargs)

    return checked


def as_prompts(prompt: object) -> list[str]:
    """Return the prompts as a list. Raises: ModelInputError."""
    prompts = [prompt] if isinstance(prompt, str) else prompt
    if not isinstance(prompts, (list, tuple)) or not prompts or not all(isinstance(text, str) for text in prompts):
        wrong = prompts if not isinstance(prompts, (list, tuple)) else [type(text).__name__ for text in prompts]
        raise ModelInputError(f"A prompt is a text, or a list of texts with one for each image; got {wrong!r:.100}.")
    return list(prompts)


def filled(items: list[Item], count: int) -> list[Item]:
    """Return `count` items: those there are, or the only one so many times."""
    return items * count if len(items) == 1 else items


def check_stream(images: Images, prompt: object, options: Generation, task: str | None) -> None:
    """Refuse to stream what cannot be streamed. Raises: InvalidParameterError, ModelInputError."""
    if task is not None:
        raise InvalidParameterError(
            "stream=True yields text, and a task's answer is known at its end only. Leave one out."
        )
    if options.num_beams != 1:
        raise InvalidParameterError(
            f"stream=True follows one continuation, and num_beams={options.num_beams} were asked for: which one wins "
            f"is known at the end only. Leave one out."
        )
    if not isinstance(prompt, str) or len(as_images(images)) != 1:
        raise InvalidParameterError("stream=True takes one image and one prompt.")
