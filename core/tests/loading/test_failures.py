"""A package that does not load leaves its memory to the next one, and its error to whoever reads it."""

from __future__ import annotations

import gc
import inspect
import sys
import traceback
from collections.abc import Iterator
from typing import Any

import pytest
from attrs import evolve

from inference_models import AutoModel
from inference_models.errors import ModelPackageAlternativesExhaustedError
from inference_models.loading import metadata, way

PLUGIN = """
    import weakref
    from pathlib import Path
    from inference_models.developer_tools import (
        BackendSpec, LazyClass, ModelMetadata, ModelPackageMetadata, ModelSpec, WeightsProviderSpec, hookimpl,
    )

    ALLOCATED, HELD = [], []

    class Memory:
        "Stands for weights on a GPU."

    def allocate():
        memory = Memory()
        ALLOCATED.append(weakref.ref(memory))
        return memory

    def fail():
        buffer = allocate()
        raise RuntimeError("out of memory")

    class Greedy:
        @classmethod
        def from_pretrained(cls, path, *, package, how, loads=None):
            HELD.append(sum(reference() is not None for reference in ALLOCATED))
            weights = allocate()
            if package.package_id == loads:
                return cls()
            try:
                fail()
            except RuntimeError as error:
                if how == "from":
                    raise ValueError("cannot load") from error
                if how == "while":
                    raise ValueError("cannot load")
                if how == "group":
                    raise ExceptionGroup("cannot load", [error]) from None
                raise

    def get_model(model_id, api_key=None):
        here = Path(__file__).parent
        packages = [ModelPackageMetadata(name, "own", trusted_source=True, directory=here) for name in "abc"]
        return ModelMetadata(model_id, "greedy", packages, task_type="read")

    @hookimpl
    def im_weights_providers():
        return WeightsProviderSpec(name="memory", target=get_model, works_offline=True)

    @hookimpl
    def im_backends():
        return BackendSpec(name="own", priority=1, detect=dict)

    @hookimpl
    def im_models():
        return ModelSpec(
            architectures="greedy", task_type="read", backends="own", target=LazyClass(__name__, "Greedy")
        )
"""


@pytest.fixture(autouse=True)
def _memory(install_plugin) -> Iterator[None]:
    install_plugin("memory", PLUGIN)
    gc.disable()  # what is freed in time only when the collector happens to run is not freed in time
    yield
    gc.enable()


def held() -> list[int]:
    """Return how many pieces of memory were held when each package began to load."""
    return sys.modules["memory"].HELD


@pytest.mark.parametrize("how", ["plainly", "from", "while", "group"])
def test_what_failed_holds_no_memory_while_the_next_one_loads(how: str) -> None:
    AutoModel.from_pretrained("memory://model", how=how, loads="c")
    assert held() == [0, 0, 0]


def test_what_was_remembered_and_failed_holds_no_memory_either(monkeypatch) -> None:
    answers = []

    def find_model(*arguments: Any) -> Any:
        answers.append(metadata.find_model(*arguments))
        return evolve(answers[-1], remembered=len(answers) == 1)

    monkeypatch.setattr(way, "find_model", find_model)
    with pytest.raises(ModelPackageAlternativesExhaustedError):
        AutoModel.from_pretrained("memory://model", how="from")
    assert held() == [0] * 6


def test_the_errors_keep_the_lines_where_they_were_raised() -> None:
    with pytest.raises(ModelPackageAlternativesExhaustedError) as caught:
        AutoModel.from_pretrained("memory://model", how="from")
    for error in caught.value.alternatives_errors:
        text = "".join(traceback.format_exception(error))
        assert 'raise RuntimeError("out of memory")' in text
        assert 'raise ValueError("cannot load") from error' in text


def test_what_the_caller_was_handling_is_left_as_it_is() -> None:
    def report() -> None:
        found_before = "the caller's own"
        raise LookupError(found_before)

    try:
        report()
    except LookupError:
        AutoModel.from_pretrained("memory://model", how="while", loads="b")
        kept = dict(inspect.trace()[-1].frame.f_locals)
    assert kept == {"found_before": "the caller's own"}
    assert held() == [0, 0]
