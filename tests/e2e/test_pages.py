"""The code of pages that need the demo's models and pictures only, under the names that the pages give them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from doc_blocks import blocks, run_page
from im_demo import picture_path
from inference_models import AutoModel

PAGES = [
    "core/README.md",
    "docs/explanation/negotiation.md",
    "docs/how-to/migrate.md",
    "docs/how-to/private-index.md",
    "docs/index.md",
    "docs/reference/hooks.md",
    "plugins/im-classification/README.md",
    "plugins/im-demo/README.md",
    "plugins/im-yolo/README.md",
]
PACKAGES = {
    "my-yolov8": "demo://shapes",
    "my-detector": "demo://shapes",
    "my-resnet": "demo://digits",
    "my-classifier": "demo://digits",
}
PICTURES = ("picture.jpg", "street.jpg", "first.jpg", "second.jpg")


@pytest.mark.parametrize("page", PAGES)
def test_the_code_of_a_page_works(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, model_id in PACKAGES.items():
        package = AutoModel.explain(model_id, backend="onnx").candidates[0].package
        shutil.copytree(package.directory, tmp_path / name)
    for name in PICTURES:
        shutil.copy(picture_path(), tmp_path / name)
    assert blocks(page)
    run_page(page)
