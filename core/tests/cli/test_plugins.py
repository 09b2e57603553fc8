from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Im = Callable[..., Result]


def test_the_table(im_run: Im, spot: Path) -> None:
    result = im_run("plugins")
    assert result.exit_code == 0
    rows = [" ".join(line.split()) for line in result.stdout.splitlines()]
    (row,) = [row for row in rows if row.startswith("spot ")]
    assert row.startswith("spot spot 1.0 enabled")
    assert "providers: spot; backends: spot-npu; models: spotnet object-detection on spot-npu" in row
    assert str(spot) in row


def test_json(im_run: Im, spot: Path, install_plugin: Callable[..., Path]) -> None:
    install_plugin("sick", "raise RuntimeError('no luck')")
    document = json.loads(im_run("plugins", "--json").stdout)
    assert document["schema"] == 1
    by_name = {row["name"]: row for row in document["plugins"]}
    assert by_name["spot"]["declares"]["backends"] == ["spot-npu"]
    assert by_name["builtin"]["distribution"] == "im-core"
    assert by_name["sick"]["status"] == "broken"
    assert by_name["sick"]["problems"] == [{"stage": "import", "message": "RuntimeError: no luck"}]


def test_a_broken_plugin_is_listed_and_the_exit_code_stays_0(im_run: Im, install_plugin: Callable[..., Path]) -> None:
    install_plugin("sick", "raise RuntimeError('no luck')")
    result = im_run("plugins")
    assert result.exit_code == 0
    assert "RuntimeError: no luck" in result.stdout


def test_strict_plugins_raise(im_run: Im, install_plugin: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    install_plugin("sick", "raise RuntimeError('no luck')")
    monkeypatch.setenv("INFERENCE_MODELS_STRICT_PLUGINS", "1")
    result = im_run("plugins")
    assert result.exit_code == 1
    assert "sick 1.0 (import): RuntimeError: no luck" in result.stderr
