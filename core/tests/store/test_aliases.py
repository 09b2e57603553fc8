"""Other ids of models: what they meant last is what they mean."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from inference_models.catalog import Catalog
from inference_models.metadata import ModelMetadata
from inference_models.plugins import LoadedPlugins
from inference_models.store import materialise
from inference_models.store import staging as staging_module
from inference_models.store.aliases import take_alias
from inference_models.store.bundle import BundleSource, export_bundle, import_bundle
from inference_models.store.inventory import find_packages, list_packages
from inference_models.store.layout import MANIFEST_NAME
from inference_models.store.locks import package_lock
from inference_models.store.manifest import PackageIdentity
from inference_models.store.offline import offline_metadata

if TYPE_CHECKING:
    from core.tests.store.conftest import Publisher

NO_PLUGINS = Catalog(LoadedPlugins())


def load(
    publisher: Publisher, model_id: str, alias: str | None = "shapes", package_id: str = "p1", provider: str = "acme"
) -> tuple[ModelMetadata, Path]:
    metadata = publisher.metadata({"weights.onnx": b"weights"}, model_id=model_id, package_id=package_id)
    return metadata, materialise(metadata, metadata.model_packages[0], provider, requested_id=alias)


def meaning(alias: str = "shapes", home: Path | None = None) -> str:
    metadata = offline_metadata("acme", alias, home, NO_PLUGINS)
    assert metadata is not None
    return metadata.model_id


def test_a_name_that_went_back_to_an_older_version_means_that(publisher: Publisher) -> None:
    for version in ("shapes@1", "shapes@2", "shapes@1"):
        load(publisher, version)
        assert meaning() == version
    assert [one.model for one in find_packages("acme://shapes")] == ["acme://shapes@1"]
    load(publisher, "shapes@2", alias=None)
    assert meaning() == "shapes@1", "nobody has asked for it by that name"


def test_only_the_same_name_of_the_same_provider_is_taken(publisher: Publisher) -> None:
    load(publisher, "shapes@1", provider="other")
    load(publisher, "shapes@1", alias="mine")
    load(publisher, "shapes@2")
    load(publisher, "shapes@3", package_id="p1")
    load(publisher, "shapes@3", package_id="p2")

    found = {(one.model, one.package_id): one.manifest.aliases for one in list_packages()}

    assert found == {
        ("acme://shapes@1", "p1"): ("mine",),
        ("acme://shapes@2", "p1"): (),
        ("acme://shapes@3", "p1"): ("shapes",),
        ("acme://shapes@3", "p2"): ("shapes",),
        ("other://shapes@1", "p1"): ("shapes",),
    }


def test_losing_a_name_is_no_use(publisher: Publisher) -> None:
    _, directory = load(publisher, "shapes@1")
    then = time.time() - 10 * 86400
    os.utime(directory / MANIFEST_NAME, (then, then))
    load(publisher, "shapes@2")
    [stored] = find_packages("acme://shapes@1")
    assert stored.manifest.aliases == ()
    assert abs(stored.last_used.timestamp() - then) < 1


def test_a_package_that_is_being_fetched_keeps_its_name(publisher: Publisher) -> None:
    _, directory = load(publisher, "shapes@1")
    with package_lock(directory, lambda: False):
        load(publisher, "shapes@2")
    assert [one.manifest.aliases for one in list_packages()] == [("shapes",), ("shapes",)]
    assert meaning() == "shapes@2", "it was fetched last"


def test_who_comes_second_leaves_the_name_to_who_took_it(publisher: Publisher, home: Path) -> None:
    """As when two processes have recorded the name before either took it."""
    load(publisher, "shapes@1")
    second, _ = load(publisher, "shapes@2")
    take_alias(home, PackageIdentity("acme", "shapes@1", "p1"), "shapes")
    assert meaning() == second.model_id


def test_a_cache_that_cannot_be_written_to_serves_all_the_same(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(publisher, "shapes@1")
    load(publisher, "shapes@2")

    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(staging_module, "_make_private", refuse)
    _, directory = load(publisher, "shapes@1")
    assert (directory / "weights.onnx").is_file()


def test_a_name_in_a_bundle_means_what_it_meant_when_it_was_exported(publisher: Publisher, tmp_path: Path) -> None:
    bundles = []
    for number, version in enumerate(["shapes@1", "shapes@2", "shapes@1"]):
        metadata, directory = load(publisher, version)
        bundles.append(tmp_path / f"bundle-{number}")
        export_bundle([BundleSource("acme", metadata, metadata.model_packages[0], directory, "shapes")], bundles[-1])
    other = tmp_path / "other"
    for bundle, version in zip(bundles, ["shapes@1", "shapes@2", "shapes@1"], strict=True):
        import_bundle(bundle, other)
        assert meaning(home=other) == version


def test_the_last_fetched_model_has_a_name_that_a_bundle_gives_twice(publisher: Publisher, tmp_path: Path) -> None:
    sources = []
    for version in ("shapes@2", "shapes@1"):
        metadata, directory = load(publisher, version)
        sources.append(BundleSource("acme", metadata, metadata.model_packages[0], directory, "shapes"))
    export_bundle(sources[::-1], tmp_path / "bundle")
    import_bundle(tmp_path / "bundle", tmp_path / "other")
    assert meaning(home=tmp_path / "other") == "shapes@1"
    assert len(find_packages("acme://shapes@2", tmp_path / "other")) == 1


def test_a_name_that_is_known_costs_no_look_at_the_rest_of_the_cache(publisher: Publisher, monkeypatch) -> None:
    load(publisher, "shapes@1")
    monkeypatch.setattr("inference_models.store.aliases.take_alias", lambda *_: pytest.fail("looks for others"))
    load(publisher, "shapes@1")
