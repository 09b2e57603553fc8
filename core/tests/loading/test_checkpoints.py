"""A training checkpoint is a single file, and `model_type=` names the class that loads it."""

from __future__ import annotations

from pathlib import Path

import pytest

from inference_models import AutoModel
from inference_models.errors import (
    DirectLocalStorageAccessError,
    InvalidParameterError,
    NoModelPackagesAvailableError,
    PluginConflictError,
)

PLUGIN = """
    from inference_models.developer_tools import BackendSpec, LazyClass, ModelSpec, hookimpl

    class Detector:
        @classmethod
        def from_pretrained(cls, path, *, model_type=None, labels=None, device=None, backend=None):
            return {"path": path, "model_type": model_type, "labels": labels, "device": device, "backend": backend}

    @hookimpl
    def im_backends():
        return BackendSpec(name="tools", priority=2, detect=dict)

    @hookimpl
    def im_models():
        yield ModelSpec(architectures=("acme", "acme-2"), task_type="detect", backends="tools",
                        target=LazyClass(__name__, "Detector"), checkpoint_types=("acme-small", "acme-large"))
        yield ModelSpec(architectures="acme", task_type="segment", backends="tools", requires="no-such-thing>=1",
                        target=LazyClass(__name__, "Detector"), checkpoint_types="acme-seg")
"""


@pytest.fixture
def checkpoint(install_plugin, tmp_path: Path) -> Path:
    install_plugin("acme", PLUGIN)
    path = tmp_path / "best.pth"
    path.write_bytes(b"weights")
    return path


@pytest.mark.parametrize("model_type", ["acme-small", "Acme_Large"])
def test_the_class_gets_the_file_and_what_the_user_says(checkpoint: Path, model_type: str) -> None:
    loaded = AutoModel.from_pretrained(checkpoint, model_type=model_type, labels=["a"], device="cuda:1")
    expected = {"path": str(checkpoint), "model_type": model_type, "labels": ["a"], "device": "cuda:1"}
    assert loaded == {**expected, "backend": "tools"}


def test_text_is_a_path_too_and_backends_can_be_named(checkpoint: Path) -> None:
    assert AutoModel.from_pretrained(str(checkpoint), model_type="acme-small", backend=["tools"])["labels"] is None


def test_the_plan_says_what_is_missing(checkpoint: Path) -> None:
    [verdict] = AutoModel.explain(checkpoint, model_type="acme-seg").verdicts
    assert verdict.rejected_by == "has_what_it_requires"
    with pytest.raises(NoModelPackagesAvailableError, match="pip install 'no-such-thing>=1'"):
        AutoModel.from_pretrained(checkpoint, model_type="acme-seg")


@pytest.mark.parametrize("model_type", [None, 5])
def test_without_a_type_those_that_there_are_are_listed(checkpoint: Path, model_type: object) -> None:
    options = {} if model_type is None else {"model_type": model_type}
    with pytest.raises(InvalidParameterError, match=r"acme-large, acme-seg, acme-small.*name its directory"):
        AutoModel.from_pretrained(checkpoint, **options)


def test_an_unknown_type_is_compared_with_those_that_there_are(checkpoint: Path) -> None:
    with pytest.raises(InvalidParameterError, match=r"model_type='acme-smal'.*'acme-small'"):
        AutoModel.from_pretrained(checkpoint, model_type="acme-smal")


def test_options_that_nothing_takes_are_refused(checkpoint: Path) -> None:
    with pytest.raises(InvalidParameterError, match="Nothing accepts labls="):
        AutoModel.from_pretrained(checkpoint, model_type="acme-small", labls=["a"])


def test_paths_can_be_forbidden(checkpoint: Path) -> None:
    with pytest.raises(DirectLocalStorageAccessError):
        AutoModel.from_pretrained(checkpoint, model_type="acme-small", allow_direct_local_storage_loading=False)


def test_two_plugins_that_load_one_type_are_both_named(install_plugin, checkpoint: Path) -> None:
    install_plugin("other", PLUGIN.replace('"acme', '"other').replace('"other-small"', '"acme-small"'))
    with pytest.raises(PluginConflictError, match="'checkpoint:acme-small' is declared by"):
        AutoModel.from_pretrained(checkpoint, model_type="acme-small")


def test_plugins_without_checkpoints(tmp_path: Path) -> None:
    path = tmp_path / "best.pth"
    path.write_bytes(b"weights")
    with pytest.raises(InvalidParameterError, match="No installed plugin loads checkpoints"):
        AutoModel.from_pretrained(path, model_type="acme-small")
