"""Tasks by name."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import pytest

from inference_models.errors import InvalidParameterError, SessionClosedError
from inference_models.models import NamedTask, VisionLanguageModel


class Parrot(VisionLanguageModel):
    """Repeats what it is asked, for each image."""

    tasks: ClassVar = {
        "count": NamedTask("count"),
        "count-twice": NamedTask("count", options={"times": 2}),
        "repeat": NamedTask("prompt", text="prompt"),
    }

    @classmethod
    def from_pretrained(cls, model_name_or_path: str, **kwargs: Any) -> Self:
        return cls()

    def prompt(self, images: Any, prompt: str, *, loud: bool = False) -> list[str]:
        return [prompt.upper() if loud else prompt for _ in images]

    def count(self, images: Any, times: int = 1) -> list[int]:
        return [len(images) * times] * len(images)


def test_a_task_is_a_method_with_options() -> None:
    model = Parrot()
    assert model.perform("count", ["a", "b"]) == [2, 2]
    assert model.perform("count-twice", ["a", "b"]) == [4, 4]
    assert model.perform("repeat", ["a"], "hello") == ["hello"]
    assert model.perform("repeat", ["a"], "hello", loud=True) == ["HELLO"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("cuont", ["a"]), "Parrot has no task 'cuont'. Did you mean 'count'"),
        (("count", ["a"], "hello"), "Task 'count' takes no text, got 'hello'"),
        (("repeat", ["a"]), "Task 'repeat' needs a text: its prompt"),
    ],
)
def test_tasks_that_cannot_be_done(arguments: tuple[Any, ...], said: str) -> None:
    with pytest.raises(InvalidParameterError, match=said):
        Parrot().perform(*arguments)


@pytest.mark.parametrize(("task", "options"), [("count-twice", {"times": 3}), ("repeat", {"prompt": "b"})])
def test_an_option_that_the_task_sets_itself(task: str, options: dict[str, Any]) -> None:
    text = "a" if task == "repeat" else None
    with pytest.raises(InvalidParameterError, match=f"Task '{task}' says itself what {next(iter(options))}= is"):
        Parrot().perform(task, ["a"], text, **options)


def test_a_model_without_tasks() -> None:
    class Plain(Parrot):
        tasks: ClassVar = {}

    with pytest.raises(InvalidParameterError, match=r"has no task 'count'. It has none; give it a prompt"):
        Plain().perform("count", ["a"])


def test_a_closed_model_does_nothing() -> None:
    model = Parrot()
    model.close()
    with pytest.raises(SessionClosedError):
        model.perform("count", ["a"])
