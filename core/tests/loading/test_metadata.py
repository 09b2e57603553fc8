"""Where decisions are remembered."""

from __future__ import annotations

import pytest

from inference_models import AutoModel

PLUGIN = """
    from pathlib import Path
    from inference_models.developer_tools import (
        BackendSpec, LazyClass, ModelMetadata, ModelPackageMetadata, ModelSpec, WeightsProviderSpec, hookimpl,
    )

    def get_model(model_id, api_key=None):
        package = ModelPackageMetadata("one", "own", trusted_source=True, directory=Path(__file__).parent)
        return ModelMetadata(model_id, "reader", [package], task_type="read")

    class Reader:
        @classmethod
        def from_pretrained(cls, path):
            return cls()

    @hookimpl
    def im_weights_providers():
        return WeightsProviderSpec(name="books", target=get_model)

    @hookimpl
    def im_backends():
        return BackendSpec(name="own", priority=1, detect=dict)

    @hookimpl
    def im_models():
        return ModelSpec(architectures="reader", task_type="read", backends="own", target=LazyClass(__name__, "Reader"))
"""


class Memory(dict[str, object]):
    """A resolution cache of one's own that is false while it is empty."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def register(self, key: str, resolution: object) -> None:
        self[key] = resolution

    def retrieve(self, key: str) -> object | None:
        self.asked.append(key)
        return self.get(key)

    def invalidate(self, key: str) -> None:
        self.pop(key, None)


@pytest.fixture(autouse=True)
def _books(install_plugin, monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("INFERENCE_HOME", str(tmp_path / "home"))
    install_plugin("books", PLUGIN)


def test_a_memory_that_is_empty_is_one_too() -> None:
    memory = Memory()
    AutoModel.from_pretrained("books://reader", auto_resolution_cache=memory)
    assert len(memory.asked) == 1
