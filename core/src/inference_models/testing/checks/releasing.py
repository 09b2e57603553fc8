"""Whether a model that is closed has closed what it held: sessions, and other models.

What a model has opened may come from a backend, a `FakeSession` or a function of its own, and nobody keeps a list. So
what it holds is looked for in its attributes.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from functools import partial
from logging import Logger
from threading import Thread
from types import CodeType, FrameType, FunctionType, ModuleType, TracebackType
from typing import Any, TypeAlias

from inference_models.models.owning import Owner
from inference_models.sessions import Session
from inference_models.testing.checks.backend_subject import Feeds, described_feeds
from inference_models.testing.checks.findings import Finding, NotChecked
from inference_models.testing.checks.model_errors import close_model
from inference_models.testing.checks.subject import ModelSubject

Held: TypeAlias = Session | Owner

# Behind these lies what all of the process shares, other models and their sessions included.
_SHARED = (type, ModuleType, CodeType, FrameType, TracebackType, Logger, Thread)


def check_release(subject: ModelSubject) -> None:
    """Check that `close()` closes every session and every other model that the model holds. It is of no use afterwards.

    Raises:
        Finding: one is still open, or closing fails.
        NotChecked: there is none, or none that says whether it is open.
    """
    subject.predict(subject.images[0], 1)  # some open their network when they first need it
    questions = [(name, held, _question(held)) for name, held in held_by(subject.model)]
    if not any(is_open for _, _, is_open in questions):
        raise NotChecked("it holds no session and no other model that says whether it is open")
    close_model(subject)
    left = [
        f"{type(held).__name__} in {name}" if name else type(held).__name__
        for name, held, is_open in questions
        if is_open is not None and is_open()
    ]
    if left:
        raise Finding(
            f"{subject.name}.close() leaves open what the model holds: {', '.join(left)}.",
            "Hand over what must be closed where it is opened: `self._session = self.owns(session)`; likewise a model "
            "that this one needs. A close() of your own calls super().close().",
        )


def held_by(model: Any) -> list[tuple[str, Held]]:
    """Return the sessions and other models that a model holds, each with the attribute that leads there.

    The name is empty where no attribute of the model's `__dict__` does. What is found is not looked into: it answers
    for what it holds itself.
    """
    seen: dict[int, object] = {id(model): model}  # the objects, too: the id of one that is gone is given to another
    named = [(name, value) for name, value in getattr(model, "__dict__", {}).items() if name != "_owned"]
    places = [*named, *(("", value) for value in gc.get_referents(model))]
    return [(name, held) for name, value in places for held in _reached(value, seen)]


def _reached(start: object, seen: dict[int, object]) -> Iterator[Held]:
    ahead = [start]
    while ahead:
        one = ahead.pop()
        if id(one) in seen or issubclass(type(one), _SHARED):
            continue
        seen[id(one)] = one
        if issubclass(type(one), Owner) or _is_session(one):
            yield one  # type: ignore[misc]
        else:
            ahead.extend(filter(gc.is_tracked, _inside(one)))  # what is not tracked holds nothing


def _is_session(one: object) -> bool:
    # The class first: asking an object for its attributes may run code of somebody's.
    methods = [getattr(type(one), name, None) for name in ("run", "close")]
    return all(map(callable, methods)) and isinstance(one, Session)


def _inside(one: object) -> list[Any]:
    if isinstance(one, FunctionType):  # without the names of its module
        return gc.get_referents(one.__closure__, one.__defaults__, one.__kwdefaults__)
    return gc.get_referents(one)


def _question(held: Held) -> Callable[[], bool] | None:
    """Return what tells whether something is open, now or later; None where nothing does."""
    if isinstance(getattr(held, "closed", None), bool):
        return lambda: not held.closed  # type: ignore[union-attr]
    if not isinstance(held, Session):
        return None
    try:
        feeds = described_feeds(held)
    except NotChecked:
        return None
    return partial(_runs, held, feeds) if _runs(held, feeds) else None


def _runs(session: Session, feeds: Feeds) -> bool:
    try:
        session.run(feeds)
    except Exception:  # SessionClosedError; other errors of closed sessions are for the contract of backends
        return False
    return True
