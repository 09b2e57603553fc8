from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from inference_models.catalog import current_catalog
from inference_models.describe import plugin_rows, print_plugins

Printed = Callable[..., str]
Rows: TypeAlias = dict[str, dict[str, Any]]

GOOD = """
from inference_models.developer_tools import (
    BackendSpec, LazyClass, ModelSpec, PipelineSpec, WeightsProviderSpec, hookimpl
)

target = LazyClass("acme.thing", "Thing")

@hookimpl
def im_weights_providers():
    return WeightsProviderSpec(name="acme", target=target)

@hookimpl
def im_backends():
    return [BackendSpec(name="npu", priority=1, detect=target), BackendSpec(name="dsp", priority=2, detect=target)]

@hookimpl
def im_models():
    return ModelSpec(architectures=("net", "net2"), task_type="object-detection", backends=("npu",), target=target)

@hookimpl
def im_pipelines():
    return PipelineSpec(id="read-plates", target=target)
"""


@pytest.fixture
def rows(install_plugin: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Rows:
    install_plugin("good", GOOD, version="2.1")
    install_plugin("sick", "raise RuntimeError('no \\x1b[31m luck')")
    install_plugin("off", "")
    install_plugin("old", "", group="inference_models.v0")
    install_plugin("half", GOOD.replace('name="acme"', "name=1").replace("npu", "npu2").replace("plates", "signs"))
    monkeypatch.setenv("INFERENCE_MODELS_DISABLE_PLUGINS", "off")
    return {row["name"]: row for row in plugin_rows(current_catalog())}


def test_status(rows: Rows) -> None:
    assert {name: rows[name]["status"] for name in ("good", "sick", "off", "old", "half")} == {
        "good": "enabled",
        "sick": "broken",
        "off": "disabled",
        "old": "incompatible",
        "half": "broken",
    }


def test_what_is_declared(rows: Rows) -> None:
    assert rows["good"]["declares"] == {
        "providers": ["acme"],
        "backends": ["npu", "dsp"],
        "models": [{"architectures": ["net", "net2"], "task_type": "object-detection", "backends": ["npu"]}],
        "pipelines": ["read-plates"],
    }
    assert rows["half"]["declares"]["providers"] == []
    assert rows["half"]["declares"]["pipelines"] == ["read-signs"]
    assert all(value == [] for value in rows["off"]["declares"].values())


def test_where_from_and_how_long(rows: Rows, tmp_path: Path) -> None:
    good = rows["good"]
    assert (good["distribution"], good["version"], good["api"]) == ("good", "2.1", "inference_models.v1")
    assert good["location"].startswith(str(tmp_path))
    assert good["load_ms"] > 0
    assert rows["sick"]["load_ms"] is None


def test_problems(rows: Rows) -> None:
    assert rows["sick"]["problems"] == [{"stage": "import", "message": "RuntimeError: no \x1b[31m luck"}]
    assert [problem["stage"] for problem in rows["old"]["problems"]] == ["version"]
    assert [problem["stage"] for problem in rows["half"]["problems"]] == ["declare"]
    assert rows["off"]["problems"] == [
        {"stage": "setting", "message": "INFERENCE_MODELS_DISABLE_PLUGINS names it"},
    ]
    assert rows["good"]["problems"] == []
    json.dumps(list(rows.values()))


def test_the_table(rows: Rows, printed: Printed) -> None:
    text = printed(print_plugins, list(rows.values()), title="Plugins")
    by_name = {line.split()[0]: " ".join(line.split()) for line in text.splitlines() if line.split()}
    assert text.startswith("Plugins\n")
    assert by_name["good"].startswith("good good 2.1 enabled")
    assert (
        "providers: acme; backends: npu, dsp; models: net/net2 object-detection on npu; pipelines: read-plates"
        in by_name["good"]
    )
    assert "off off 1.0 disabled - nothing" in " ".join(text.split())
    assert by_name["off"] == "off setting INFERENCE_MODELS_DISABLE_PLUGINS names it"
    assert "sick           import    RuntimeError: no \\x1b[31m luck" in text
