"""The pages of the examples, and the one about private providers, work: with the example's server, on a photo."""

from __future__ import annotations

import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import pytest
import skimage.data

from doc_blocks import blocks, run_page
from inference_models.developer_tools import refresh_catalog
from inference_models.weights_providers import WEIGHTS_PROVIDERS
from workspace import ROOT

TESTS = ROOT / "examples/acme-provider/tests"


@pytest.fixture(autouse=True)
def _with_the_examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("INFERENCE_MODELS_DISABLE_PLUGINS")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.chdir(tmp_path)
    refresh_catalog()
    yield
    refresh_catalog()


@pytest.fixture
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Acme's index, with a model."""
    server, networks = (runpy.run_path(str(TESTS / name)) for name in ("acme_server.py", "networks.py"))
    with server["AcmeServer"]() as running:
        running.publish("line-7/defects", 4, networks["write_package"](tmp_path / "defects"))
        monkeypatch.setenv("ACME_INDEX", running.url)
        monkeypatch.setenv("ACME_TOKEN", running.token)
        yield running
    WEIGHTS_PROVIDERS.pop("acme-draft", None)


@pytest.mark.parametrize("page", ["docs/how-to/private-provider.md", "examples/acme-provider/README.md"])
def test_a_page_about_acme_works(page: str, acme: Any) -> None:
    assert blocks(page)
    run_page(page)
    assert acme.files.requests
    assert acme.token not in str(acme.files.requests)


def test_the_page_about_photos_works(tmp_path: Path) -> None:
    page = "examples/community-model/README.md"
    assert cv2.imwrite(str(tmp_path / "photo.jpg"), skimage.data.coffee()[..., ::-1])
    assert len(blocks(page)) > 1
    run_page(page)


def test_the_page_about_a_backend_works(tmp_path: Path) -> None:
    run_page("examples/custom-backend/README.md")
    assert (tmp_path / "shapes-openvino/weights.xml").is_file()
