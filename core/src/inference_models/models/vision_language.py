"""Models that answer prompts about images."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from attrs import field, frozen

from inference_models.errors import InvalidParameterError, describe_choices
from inference_models.models.base import Images, Model


@frozen
class NamedTask:
    """What a model can be asked for by a name instead of a prompt.

    Attributes:
        method: the model's method that does it; it takes the images and returns something for each.
        text: the method's parameter that takes a text, for example a phrase to look for; None: it takes none.
        options: arguments that the task gives the method.
    """

    method: str
    text: str | None = None
    options: Mapping[str, Any] = field(factory=dict)


class VisionLanguageModel(Model):
    """Answers prompts about images. `prompt` returns a text for each image.

    Attributes:
        tasks: what it can be asked for by name, besides prompts.
    """

    tasks: ClassVar[Mapping[str, NamedTask]] = {}

    @abstractmethod
    def prompt(self, images: Images, prompt: Any, *args: Any, **kwargs: Any) -> Any:
        """Answer a prompt about each image.

        Args:
            images: one image or several.
            prompt: a text, or one for each image.
            *args: none; together with `**kwargs` it lets subclasses name their own options.
            **kwargs: options of the model.

        Returns:
            The answers, one for each image.
        """

    def perform(self, task: str, images: Images, text: str | None = None, **kwargs: Any) -> list[Any]:
        """Do one of `tasks`, for callers that have its name only.

        Args:
            task: its name.
            images: one image or several.
            text: for tasks that take one.
            **kwargs: options of the method that does it.

        Returns:
            What the method gives for each image: a text or a prediction.

        Raises:
            InvalidParameterError: there is no such task, or it takes a text and got none, or the other way round; or an
                option is one that the task sets.
            ModelInputError: an image cannot be used.
            SessionClosedError: the model is closed.
        """
        self.ensure_open()
        named = self.tasks.get(task)
        if named is None:
            known = (
                f" {describe_choices(task, sorted(self.tasks))}" if self.tasks else " It has none; give it a prompt."
            )
            raise InvalidParameterError(f"{type(self).__name__} has no task {task!r}.{known}")
        if (text is None) != (named.text is None):
            raise InvalidParameterError(
                f"Task {task!r} takes no text, got {text!r}."
                if named.text is None
                else f"Task {task!r} needs a text: its {named.text}."
            )
        given = {**named.options} if named.text is None else {**named.options, named.text: text}
        if twice := sorted(set(given) & set(kwargs)):
            raise InvalidParameterError(
                f"Task {task!r} says itself what {twice[0]}= is. Leave it out, or call {named.method}() instead."
            )
        results: list[Any] = getattr(self, named.method)(images, **given, **kwargs)
        return results
