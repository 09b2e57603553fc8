"""`im cache`, `im download` and `im bundle`, with a provider whose files come from a server."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import Result

from inference_models.metadata import ModelMetadata, ModelPackageMetadata
from inference_models.store import backend_cache_directory
from inference_models.store.builds import publish_build, staged
from inference_models.store.layout import MANIFEST_NAME, package_directory

if TYPE_CHECKING:
    from core.tests.download.fault_server import FaultServer

Im = Callable[..., Result]

WEIGHTS = b"weights" * 1000

PLUGIN = """
import os
from inference_models import ModelNotFoundError
from inference_models.developer_tools import (
    BackendSpec, FileDownloadSpecs, LazyClass, ModelDependency, ModelMetadata, ModelPackageMetadata, ModelSpec,
    WeightsProviderSpec, hookimpl,
)

def get_model(model_id, api_key=None):
    if model_id not in ("one", "two", "first", "both", "sly"):
        raise ModelNotFoundError(f"There is no model {model_id!r}.")
    url, md5 = os.environ["ACME_FILES"].split(" ")
    files = [FileDownloadSpecs(url, "weights.bin", md5)]
    packages = [
        ModelPackageMetadata("good", "acme-npu", files, trusted_source=True),
        ModelPackageMetadata("bad", "onnx", files, trusted_source=True),
    ]
    needs = {"both": [ModelDependency("left", "one", "good"), ModelDependency("right", "two")],
             "sly": [ModelDependency("spy", "/etc")]}
    return ModelMetadata(
        "one" if model_id == "first" else model_id, "acmenet", packages, task_type="object-detection",
        model_dependencies=needs.get(model_id, ()),
    )

@hookimpl
def im_weights_providers():
    return WeightsProviderSpec(name="acme", target=get_model)

@hookimpl
def im_backends():
    return BackendSpec(name="acme-npu", priority=1, detect=dict)

@hookimpl
def im_models():
    target = LazyClass("nowhere", "Model")
    return ModelSpec(architectures="acmenet", task_type="object-detection", backends="acme-npu", target=target)
"""


@pytest.fixture(autouse=True)
def home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: FaultServer, install_plugin: Callable[..., Path]
) -> Path:
    """An empty cache, and a plugin that provides models."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("INFERENCE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ACME_FILES", f"{server.serve('/w', WEIGHTS)} {hashlib.md5(WEIGHTS).hexdigest()}")
    install_plugin("acme", PLUGIN)
    return tmp_path / "home"


def out(result: Result, exit_code: int = 0) -> str:
    assert result.exit_code == exit_code, result.output
    return result.stdout


class TestDownload:
    def test_the_package_that_would_be_loaded_is_fetched(self, im_run: Im, server: FaultServer) -> None:
        directory = Path(out(im_run("download", "acme://one")).strip())
        assert (directory / "weights.bin").read_bytes() == WEIGHTS
        assert directory.name == "good"
        assert Path(out(im_run("download", "one", "--provider", "acme")).strip()) == directory
        assert server.count("/w") == 1

    def test_as_json(self, im_run: Im) -> None:
        document = json.loads(out(im_run("download", "acme://first", "--json")))
        assert (document["model_id"], document["package_id"], document["backend"]) == ("one", "good", "acme-npu")

    def test_what_a_model_needs_is_fetched_too(self, im_run: Im, home: Path) -> None:
        directory = Path(out(im_run("download", "acme://both", "--backend", "acme-npu")).strip())
        assert directory.parent.name.startswith("acme-both")
        document = json.loads(out(im_run("download", "acme://both", "--json")))
        assert [one["model_id"] for one in document["dependencies"]] == ["one", "two"]
        assert len(list(home.glob("acme*/good/weights.bin"))) == 3

    def test_a_provider_cannot_name_a_path_as_what_a_model_needs(self, im_run: Im) -> None:
        result = im_run("download", "acme://sly")
        assert result.exit_code == 1
        assert "'/etc' is a path" in result.stderr

    def test_a_model_that_cannot_be_used_here_is_not_fetched(self, im_run: Im, server: FaultServer) -> None:
        result = im_run("download", "acme://one", "--package", "bad")
        assert result.exit_code == 1
        assert "bad" in result.stderr
        assert server.requests == []


class TestList:
    def test_an_empty_cache(self, im_run: Im, home: Path) -> None:
        assert out(im_run("cache", "list")) == f"No models in {home}.\n"

    def test_what_is_there(self, im_run: Im, home: Path) -> None:
        im_run("download", "acme://one")
        im_run("download", "acme://two")
        text = [" ".join(line.split()) for line in out(im_run("cache", "list")).splitlines()]
        assert any(line.startswith("acme://one good acme-npu unknown 1 7.0 kB") for line in text)
        assert text[-1] == f"14 kB in {home}"

    def test_as_json(self, im_run: Im, home: Path) -> None:
        im_run("download", "acme://first")
        document = json.loads(out(im_run("cache", "list", "--json")))
        assert (document["schema"], document["home"], document["size"]) == (1, str(home), 7000)
        [row] = document["packages"]
        assert (row["model"], row["package_id"], row["aliases"]) == ("acme://one", "good", ["first"])
        assert row["files"] == {"weights.bin": 7000}


class TestVerify:
    def test_all_is_well(self, im_run: Im) -> None:
        im_run("download", "acme://one")
        assert "1 package verified" in out(im_run("cache", "verify"))
        assert json.loads(out(im_run("cache", "verify", "acme://one", "--json")))["ok"] is True

    def test_a_flipped_byte_is_found_and_loading_mends_it(self, im_run: Im) -> None:
        path = Path(out(im_run("download", "acme://one")).strip()) / "weights.bin"
        stamp = path.stat()
        path.write_bytes(b"W" + WEIGHTS[1:])
        os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))

        text = out(im_run("cache", "verify"), exit_code=1)
        assert "weights.bin" in text
        assert "changed" in text
        document = json.loads(out(im_run("cache", "verify", "--json"), exit_code=1))
        assert document["packages"][0]["files"] == {"weights.bin": "changed"}

        im_run("download", "acme://one")
        assert path.read_bytes() == WEIGHTS
        out(im_run("cache", "verify", "acme://first"), exit_code=1)  # no such alias was ever used

    def test_what_was_made_here_is_to_be_made_again(self, im_run: Im, home: Path) -> None:
        place = package_directory(home, "acme", "one", "local-npu-1")
        package = ModelPackageMetadata(place.name, "acme-npu", directory=place, trusted_source=True)
        with staged(place) as staging:
            (staging / "engine.bin").write_bytes(b"engine")
            publish_build(staging, place, "acme", ModelMetadata("one", "acmenet", []), package=package, origin="good")
        (place / "engine.bin").write_bytes(b"Engine")

        text = out(im_run("cache", "verify"), exit_code=1)
        assert "make local-npu-1 again (im compile)" in text
        assert "network" not in text

        fetched = Path(out(im_run("download", "acme://one")).strip()) / "weights.bin"
        fetched.write_bytes(b"short")
        text = out(im_run("cache", "verify"), exit_code=1)
        assert "make local-npu-1 again (im compile)" in text
        assert "Loading the model with the network on fetches these files again" in text


class TestRemove:
    def test_it_asks_first(self, im_run: Im, home: Path) -> None:
        im_run("download", "acme://one")
        result = im_run("cache", "remove", "acme://one", input="n\n")
        assert result.exit_code == 1
        assert "Remove 1 package, 7.0 kB?" in result.stderr
        assert len(list(home.glob("acme*/good"))) == 1

        assert "Removed 1 package, 7.0 kB." in out(im_run("cache", "remove", "acme://one", input="y\n"))
        assert list(home.glob("acme*")) == []

    def test_a_dry_run_removes_nothing(self, im_run: Im, home: Path) -> None:
        im_run("download", "acme://one")
        text = out(im_run("cache", "remove", "acme://one", "--dry-run"))
        assert text.startswith("acme://one  good  7.0 kB")
        assert "Would remove 1 package" in text
        assert len(list(home.glob("acme*/good"))) == 1

    def test_as_json(self, im_run: Im, home: Path) -> None:
        im_run("download", "acme://one")
        document = json.loads(out(im_run("cache", "remove", "acme://one", "--yes", "--json")))
        assert (document["removed"], document["size"]) == (True, 7000)
        assert list(home.glob("acme*")) == []

    @pytest.mark.parametrize("arguments", [["acme://nine"], ["acme://one", "--package", "nine"]])
    def test_what_is_not_there(self, im_run: Im, arguments: list[str]) -> None:
        im_run("download", "acme://one")
        result = im_run("cache", "remove", "--yes", *arguments)
        assert result.exit_code == 1
        assert "nine" in result.stderr


class TestPrune:
    def test_the_least_recently_used_goes(self, im_run: Im, home: Path) -> None:
        old = Path(out(im_run("download", "acme://one")).strip())
        im_run("download", "acme://two")
        then = time.time() - 10 * 86400
        os.utime(old / MANIFEST_NAME, (then, then))

        assert "Would remove 1 package" in out(im_run("cache", "prune", "--max-size", "7kB", "--dry-run"))
        assert old.exists()
        assert "Removed 1 package" in out(im_run("cache", "prune", "--max-size", "7kB", "--yes"))
        assert not old.exists()
        assert "Removed 0 packages, 0 B." in out(im_run("cache", "prune", "--max-size", "7kB"))
        assert len(list(home.glob("acme*/good"))) == 1

    def test_what_backends_made_goes_too(self, im_run: Im, home: Path) -> None:
        im_run("download", "acme://one")
        made = backend_cache_directory("acme-npu", "0123")
        (made / "engine").write_bytes(bytes(3000))
        then = time.time() - 10 * 86400
        os.utime(made, (then, then))
        assert f"10 kB in {home}, 3.0 kB of it made by backends" in out(im_run("cache", "list"))

        arguments = ("cache", "prune", "--max-size", "7kB")
        text = out(im_run(*arguments, "--dry-run"))
        assert text == "made by acme-npu  0123  3.0 kB\nWould remove 0 packages and 1 made by backends, 3.0 kB.\n"
        document = json.loads(out(im_run(*arguments, "--yes", "--json")))
        assert (document["size"], document["packages"]) == (3000, [])
        [row] = document["derived"]
        assert (row["backend"], row["key"], row["directory"], row["size"]) == ("acme-npu", "0123", str(made), 3000)
        assert not made.exists()
        assert out(im_run("cache", "list")).splitlines()[-1] == f"7.0 kB in {home}"

    def test_a_size_is_needed(self, im_run: Im) -> None:
        assert im_run("cache", "prune").exit_code == 2
        assert im_run("cache", "prune", "--max-size", "much").exit_code == 2


class TestBundle:
    def test_there_and_back(
        self, im_run: Im, tmp_path: Path, server: FaultServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        digest = out(im_run("bundle", "export", "acme://one", "acme://two", "acme://first", tmp_path / "b")).strip()
        assert len(digest) == 64
        assert server.count("/w") == 2

        monkeypatch.setenv("INFERENCE_HOME", str(tmp_path / "other"))
        places = out(im_run("bundle", "import", tmp_path / "b", "--digest", digest)).splitlines()
        assert [Path(place).name for place in places] == ["good", "good"]
        assert all((Path(place) / "weights.bin").read_bytes() == WEIGHTS for place in places)
        out(im_run("cache", "verify", "acme://one", "acme://two"))
        assert out(im_run("download", "acme://one")).strip() == places[0]
        assert server.count("/w") == 2, "what was imported is not fetched"

    def test_as_json(self, im_run: Im, tmp_path: Path) -> None:
        document = json.loads(out(im_run("bundle", "export", "acme://one", tmp_path / "b", "--json")))
        assert document["packages"] == [{"provider": "acme", "model_id": "one", "package_id": "good"}]
        rows = json.loads(out(im_run("bundle", "import", tmp_path / "b", "--json")))["packages"]
        assert (rows[0]["provider"], rows[0]["model_id"]) == ("acme", "one")

    def test_what_a_model_needs_goes_with_it(self, im_run: Im, tmp_path: Path) -> None:
        document = json.loads(out(im_run("bundle", "export", "acme://both", tmp_path / "b", "--json")))
        assert [one["model_id"] for one in document["packages"]] == ["both", "one", "two"]

    def test_a_directory_needs_no_bundle(self, im_run: Im, tmp_path: Path) -> None:
        result = im_run("bundle", "export", "./here", tmp_path / "b")
        assert result.exit_code == 2
        assert "copy it as it is" in result.stderr

    def test_a_damaged_one_is_refused(self, im_run: Im, tmp_path: Path) -> None:
        im_run("bundle", "export", "acme://one", tmp_path / "b")
        (tmp_path / "b" / "files" / hashlib.sha256(WEIGHTS).hexdigest()).write_bytes(WEIGHTS[::-1])
        result = im_run("bundle", "import", tmp_path / "b")
        assert result.exit_code == 1
        assert "not the file that it should be" in result.stderr
