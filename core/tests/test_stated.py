"""A field that is stated in plain JSON is read, kept, written and shown everywhere, by its one line in the class."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve, fields_dict, frozen

from inference_models import AutoModel
from inference_models.catalog import Catalog, current_catalog
from inference_models.describe import (
    model_to_dict,
    open_console,
    package_to_dict,
    print_model,
    print_model_package,
)
from inference_models.environment import Environment
from inference_models.errors import CorruptedModelPackageError
from inference_models.metadata import ModelMetadata, ModelPackageMetadata
from inference_models.negotiation import make_request, negotiate
from inference_models.plugins import LoadedPlugins
from inference_models.stated import card_labels, card_of, stated, stated_fields
from inference_models.store.bundle import BundleSource, export_bundle, import_bundle
from inference_models.store.description import describe, local_config, rebuild_package
from inference_models.store.offline import offline_metadata
from inference_models.weights_providers.roboflow_manifest import read_packages

NO_PLUGINS = Catalog(LoadedPlugins())
STATED = stated_fields(ModelPackageMetadata)
CARD = {"weights_license": "Apache-2.0 OR MIT", "source": "https://models.example.com/net", "version": "2026-11"}
VALUES = {**CARD, "dynamic_batch_size_supported": True, "min_dynamic_batch_size": 2, "max_dynamic_batch_size": 8}


def make(directory: Path, **values: Any) -> tuple[ModelMetadata, ModelPackageMetadata]:
    package = ModelPackageMetadata("p", "npu", directory=directory, trusted_source=True, **values)
    return ModelMetadata("m", "net", [package], task_type="counting"), package


def values_of(package: ModelPackageMetadata) -> dict[str, Any]:
    return {name: getattr(package, name) for name in STATED if getattr(package, name) is not None}


@pytest.fixture
def printed() -> Callable[..., str]:
    """Return a function that calls a `print_*` function and returns what it printed."""

    def call(function: Callable[..., object], *arguments: object) -> str:
        stream = io.StringIO()
        function(*arguments, open_console(file=stream))
        return stream.getvalue()

    return call


def test_the_fields() -> None:
    assert set(VALUES) | {"static_batch_size"} == set(STATED)
    assert list(card_labels(ModelPackageMetadata)) == list(CARD)
    assert card_of(make(Path(), **CARD)[1]) == CARD


@pytest.mark.parametrize("values", [VALUES, {"static_batch_size": 4}, {}])
def test_from_a_package_to_its_directory_and_back(tmp_path: Path, values: dict[str, Any]) -> None:
    metadata, package = make(tmp_path, **values)
    (tmp_path / "model_config.json").write_text(json.dumps(local_config(describe(metadata, package))))
    [read] = AutoModel.describe_model(tmp_path).model_packages
    assert values_of(read) == values


def test_in_the_cache_and_in_a_bundle(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "w.onnx").write_bytes(b"w")
    metadata, package = make(source, **VALUES)
    assert values_of(rebuild_package("p", describe(metadata, package), source, NO_PLUGINS)) == VALUES
    export_bundle([BundleSource("mine", metadata, package, source)], tmp_path / "bundle")
    import_bundle(tmp_path / "bundle", tmp_path / "home")
    found = offline_metadata("mine", "m", tmp_path / "home", NO_PLUGINS)
    assert found is not None
    assert values_of(found.model_packages[0]) == VALUES


def test_shown_to_people_and_as_json(printed, tmp_path: Path) -> None:
    metadata, package = make(tmp_path, **VALUES)
    for document in (package_to_dict(package), model_to_dict(metadata)["packages"][0]):
        assert {name: document[name] for name in VALUES} == VALUES
    plan = negotiate(metadata, current_catalog(), Environment(current_catalog), make_request())
    [row] = plan.to_dict()["packages"]
    assert {name: row[name] for name in VALUES} == VALUES
    for text in (printed(print_model, metadata), printed(print_model_package, metadata, "p")):
        for name, label in card_labels(ModelPackageMetadata).items():
            assert f"{label} {CARD[name]}" in [" ".join(line.split()) for line in text.splitlines()]


def test_packages_that_differ_show_each_value_once(printed, tmp_path: Path) -> None:
    metadata, package = make(tmp_path, weights_license="MIT")
    others = [evolve(package, package_id=str(number), weights_license=None) for number in range(2)]
    text = printed(print_model, evolve(metadata, model_packages=[package, *others]))
    assert ["weights", "licence", "MIT,", "?"] in [line.split() for line in text.splitlines()]
    assert "source" not in text


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("weights_license", "", "a non-empty string"),
        ("weights_license", ["MIT"], "a JSON string"),
        ("version", 3, "a JSON string"),
        ("source", {}, "a JSON string"),
        ("static_batch_size", 0, "a number of at least 1"),
        ("dynamic_batch_size_supported", "yes", "a JSON boolean"),
    ],
)
def test_what_is_wrong_in_a_file_is_named(tmp_path: Path, key: str, value: object, expected: str) -> None:
    config = {"model_architecture": "net", "backend_type": "npu", key: value}
    (tmp_path / "model_config.json").write_text(json.dumps(config))
    with pytest.raises(CorruptedModelPackageError, match=f"'{key}' must be {expected}"):
        AutoModel.describe_model(tmp_path)


MANIFEST = {"type": "npu-v1", "backendType": "npu"}
RAW = {"packageId": "p", "packageManifest": MANIFEST, "packageFiles": [], "trustedSource": True}
PLUGIN = """
from inference_models.developer_tools import BackendSpec, hookimpl

def parse(manifest):
    return {"version": manifest["version"]} if "version" in manifest else {}

@hookimpl
def im_backends():
    return BackendSpec(name="npu", priority=1, detect=dict, manifest_parsers={"npu-v1": parse})
"""
FILE = {"fileHandle": "w.onnx", "downloadUrl": "https://files.example/w", "md5Hash": "0" * 32}


def test_in_the_json_of_a_provider(install_plugin) -> None:
    install_plugin("im-npu", PLUGIN)
    card = {"weightsLicense": "MIT", "source": "here", "version": "1"}
    raw = {**RAW, **card, "packageFiles": [FILE]}
    newer = {**raw, "packageId": "q", "packageManifest": {**MANIFEST, "version": "2"}}
    wrong = {**raw, "packageId": "r", "weightsLicense": 5}
    packages, [unreadable] = read_packages([raw, newer, wrong], current_catalog(), lambda url: url)
    assert [card_of(package) for package in packages] == [
        {"weights_license": "MIT", "source": "here", "version": "1"},
        {"weights_license": "MIT", "source": "here", "version": "2"},
    ], "what the manifest states counts more"
    assert (unreadable.package_id, unreadable.reason) == ("r", "weightsLicense: expected a non-empty text, found 5")


def test_a_class_says_what_it_states() -> None:
    @frozen
    class Thing:
        own: int = 3
        count: int | None = stated(int)
        label: str | None = stated(str, "label of the thing")

    assert stated_fields(Thing) == {"count": int, "label": str}
    assert card_labels(Thing) == {"label": "label of the thing"}
    with pytest.raises(ValueError, match="count"):
        Thing(count=0)
    with pytest.raises(TypeError, match="label"):
        Thing(label=b"x")
    assert "own" in fields_dict(Thing)
