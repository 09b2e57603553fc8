"""The page about private providers works, with the server of the example."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from doc_blocks import blocks, run_page
from inference_models.developer_tools import refresh_catalog
from inference_models.weights_providers import WEIGHTS_PROVIDERS
from workspace import ROOT

PAGE = "docs/how-to/private-provider.md"
TESTS = ROOT / "examples/acme-provider/tests"


def test_the_code_of_the_page_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server, networks = (runpy.run_path(str(TESTS / name)) for name in ("acme_server.py", "networks.py"))
    monkeypatch.delenv("INFERENCE_MODELS_DISABLE_PLUGINS")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.chdir(tmp_path)
    refresh_catalog()
    assert len(blocks(PAGE)) > 5
    try:
        with server["AcmeServer"]() as acme:
            acme.publish("line-7/defects", 4, networks["write_package"](tmp_path / "defects"))
            monkeypatch.setenv("ACME_INDEX", acme.url)
            monkeypatch.setenv("ACME_TOKEN", acme.token)
            run_page(PAGE)
            assert acme.token not in str(acme.files.requests)
    finally:
        WEIGHTS_PROVIDERS.pop("acme-draft", None)
        refresh_catalog()
