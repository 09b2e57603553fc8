"""Whether what cannot work is one of our errors, which says why."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from inference_models.errors import BaseInferenceModelsError, InvalidParameterError, SessionClosedError
from inference_models.signatures import accepted_keywords
from inference_models.testing.checks.findings import Finding
from inference_models.testing.checks.subject import ModelSubject

WRONG_IMAGES: Mapping[str, Callable[[], Any]] = {
    "None": lambda: None,
    "a path": lambda: "photo.jpg",
    "one axis": lambda: np.zeros(12, np.uint8),
    "no pixels": lambda: np.zeros((0, 10, 3), np.uint8),
    "NaN": lambda: np.full((8, 8, 3), np.nan),
    "five channels": lambda: np.zeros((8, 8, 5), np.uint8),
    "None in a list": lambda: [np.zeros((8, 8, 3), np.uint8), None],
}
"""What is no image, by name."""

NO_SUCH_OPTION = "no_such_option"


def check_wrong_image(subject: ModelSubject, name: str) -> None:
    """Check that something that is no image is one of our errors, and that the model works on.

    Args:
        subject: the model.
        name: one of `WRONG_IMAGES`.

    Raises:
        Finding: it is taken for an image, raises another error, or the model is of no use afterwards.
    """
    change = "Raise ModelInputError that says what an image is and what was given; developer_tools.as_images does."
    call = partial(subject.call, WRONG_IMAGES[name]())
    _expect((BaseInferenceModelsError,), call, f"{subject.name}.{subject.method}, given {name} for an image,", change)
    subject.predict(subject.images[0], 1)


def check_unknown_option(subject: ModelSubject) -> None:
    """Check that a keyword argument that the model does not know is an InvalidParameterError with its name.

    A method that takes no `**kwargs` may leave that to Python, whose TypeError names it.

    Raises:
        Finding: it is ignored, raises another error, or the error does not name it.
    """
    change = "Do not take **kwargs in a stage unless all of them are used: `infer` then refuses what no stage names."
    call = partial(subject.call, subject.images[0], **{NO_SUCH_OPTION: 1})
    where = f"{subject.name}.{subject.method}, given the unknown keyword argument {NO_SUCH_OPTION!r},"
    takes_any = accepted_keywords(getattr(subject.model, subject.method, None) or subject.call) is None
    kinds: tuple[type[Exception], ...] = (InvalidParameterError,) if takes_any else (InvalidParameterError, TypeError)
    error = _expect(kinds, call, where, change)
    if NO_SUCH_OPTION not in str(error):
        raise Finding(f"The error about an unknown keyword argument does not name it: {error}", "Put its name into it.")


def check_close(subject: ModelSubject) -> None:
    """Check that a model can be closed, and closed again. It is of no use afterwards.

    Raises:
        Finding: closing fails, or the model does not say that it is closed.
    """
    if not getattr(subject.model, "closed", False):  # by the check before this one, where no other model is loaded
        subject.predict(subject.images[0], 1)
    for time in ("", " a second time"):
        close_model(subject, time)
    if not subject.model.closed:
        raise Finding(f"{subject.name}.closed is False after close().", "Call super().close() in close().")


def close_model(subject: ModelSubject, time: str = "") -> None:
    """Close the model.

    Args:
        subject: the model.
        time: which time it is, in words for the report.

    Raises:
        Finding: closing fails.
    """
    try:
        subject.model.close()
    except Exception as error:
        raise Finding(
            f"{subject.name}.close(){time} raised {type(error).__name__}: {error}",
            "Hand what must be released to `self.owns(...)`: close() then closes it once. A close() of your own "
            "calls super().close() and does nothing the second time.",
        ) from error


def check_use_after_close(subject: ModelSubject) -> None:
    """Check that using a closed model is a SessionClosedError. It is of no use afterwards.

    Raises:
        Finding: it answers, crashes, or raises something else.
    """
    subject.model.close()
    change = "Call self.ensure_open() at the start of each method that uses the network; `infer` does."
    call = partial(subject.call, subject.images[0])
    _expect((SessionClosedError,), call, f"{subject.name}.{subject.method}, given an image after close(),", change)


def _expect(kinds: tuple[type[Exception], ...], call: Callable[[], Any], where: str, change: str) -> Exception:
    """Return the error that a call raises. Raises: Finding when it is of another kind, or there is none."""
    try:
        answer = call()
    except kinds as error:
        return error
    except Exception as error:
        raise Finding(
            f"{where} raised {type(error).__name__} instead of {kinds[0].__name__}: {error}", change
        ) from error
    raise Finding(f"{where} returned {answer!r:.80} instead of raising {kinds[0].__name__}.", change)
