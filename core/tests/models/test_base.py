from __future__ import annotations

import pickle
from threading import Thread

import pytest

from inference_models.errors import SessionClosedError
from inference_models.models import Model


class Resource:
    def __init__(self, log: list[str], name: str = "session", error: Exception | None = None) -> None:
        self.log, self.name, self.error = log, name, error

    def close(self) -> None:
        self.log.append(self.name)
        if self.error:
            raise self.error


def test_close_closes_what_the_model_owns_last_first_and_once(model: Model) -> None:
    log: list[str] = []
    first = Resource(log, "first")
    assert model.owns(first) is first
    model.owns(Resource(log, "second"))
    assert not model.closed
    model.close()
    model.close()
    assert log == ["second", "first"]
    assert model.closed


def test_a_model_that_owns_nothing_closes(model: Model) -> None:
    model.close()
    assert model.closed


def test_all_is_closed_even_when_one_fails(model: Model) -> None:
    log: list[str] = []
    model.owns(Resource(log, "first"))
    model.owns(Resource(log, "second", OSError("device lost")))
    with pytest.raises(OSError, match="device lost"):
        model.close()
    assert log == ["second", "first"]
    model.close()
    assert model.closed


def test_context_manager_closes_after_an_error(model: Model) -> None:
    log: list[str] = []
    model.owns(Resource(log))
    with pytest.raises(ZeroDivisionError), model:
        raise ZeroDivisionError
    assert log == ["session"]


def test_a_closed_model_names_itself(model: Model) -> None:
    model.close()
    with pytest.raises(SessionClosedError, match=f"This {type(model).__name__} was closed"):
        model.ensure_open()
    with pytest.raises(SessionClosedError), model:
        pass


def test_a_closed_model_takes_no_resource_and_leaks_none(model: Model) -> None:
    log: list[str] = []
    model.close()
    with pytest.raises(SessionClosedError):
        model.owns(Resource(log))
    assert log == ["session"]


def test_models_do_not_share_what_they_own(plain: type[Model]) -> None:
    log: list[str] = []
    one, other = plain(), plain()
    one.owns(Resource(log, "one"))
    other.owns(Resource(log, "other"))
    one.close()
    assert log == ["one"]
    assert not other.closed


def test_threads_that_close_at_once_close_each_resource_once(plain: type[Model]) -> None:
    for _ in range(20):
        log: list[str] = []
        model = plain()
        for number in range(5):
            model.owns(Resource(log, str(number)))
        threads = [Thread(target=model.close) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert log == ["4", "3", "2", "1", "0"]


def test_a_model_that_owns_nothing_pickles(frozen_model: Model) -> None:
    assert not pickle.loads(pickle.dumps(frozen_model)).closed


def test_from_pretrained_is_required() -> None:
    class Nameless(Model):
        pass

    with pytest.raises(TypeError, match="from_pretrained"):
        Nameless()  # type: ignore[abstract]
