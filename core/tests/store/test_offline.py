"""Models without a network: only what the cache knows."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve, frozen

from inference_models.backend_details import TRTPackageDetails
from inference_models.catalog import Catalog
from inference_models.entities import Quantization
from inference_models.errors import ModelNotFoundError
from inference_models.metadata import (
    ModelDependency,
    ModelMetadata,
    ModelPackageMetadata,
    ONNXPackageDetails,
    RecommendedParameters,
    TorchScriptPackageDetails,
)
from inference_models.plugins import LoadedPlugins
from inference_models.store import materialise
from inference_models.store.layout import MANIFEST_NAME
from inference_models.store.offline import (
    OfflineArtefactStatus,
    OfflinePackagePresence,
    list_offline_models,
    offline_metadata,
    verify_offline_model,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.tests.store.conftest import Publisher

CONTENTS = {"weights.onnx": b"weights" * 100, "data/part.bin": b"part"}
NO_PLUGINS = Catalog(LoadedPlugins())

BACKEND = """
from inference_models.developer_tools import BackendSpec, hookimpl

def parse(manifest):
    if "broken" in manifest:
        raise RuntimeError("cannot be parsed")
    return {"backend": "acme-npu", "backend_details": ("parsed", manifest["cores"])}

@hookimpl
def im_backends():
    return BackendSpec(name="acme-npu", priority=1, detect=dict, manifest_parsers={"acme-v1": parse})
"""


@pytest.fixture
def forbid_sockets(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Return a function after which no socket can be opened any more."""

    def forbid() -> None:
        def refuse(*_: object, **__: object) -> None:
            raise AssertionError("a socket was opened")

        monkeypatch.setattr(socket, "socket", refuse)

    return forbid


def stored(publisher: Publisher, model: dict[str, Any] | None = None, alias: str = "", **package: Any) -> ModelMetadata:
    """Fetch a package with these properties, and return what its provider said."""
    contents = package.pop("contents", CONTENTS)
    metadata = publisher.metadata(contents, package_id=package.pop("package_id", "p1"))
    whole = evolve(
        metadata,
        model_packages=(evolve(metadata.model_packages[0], **package),),
        **{"task_type": "object-detection", **(model or {})},
    )
    materialise(whole, whole.model_packages[0], "roboflow", requested_id=alias or None)
    return whole


def in_place(package: ModelPackageMetadata, directory: Path) -> ModelPackageMetadata:
    return evolve(package, package_artefacts=(), directory=directory)


class TestMetadata:
    def test_what_the_provider_said_comes_back(
        self, publisher: Publisher, home: Path, forbid_sockets: Callable[[], None]
    ) -> None:
        said = stored(
            publisher,
            {
                "model_variant": "yolov8n",
                "model_dependencies": [ModelDependency("features", "other/1", "p9")],
                "recommended_parameters": RecommendedParameters(confidence=0.3),
            },
            alias="my-shapes",
            quantization=Quantization.FP16,
            dynamic_batch_size_supported=True,
            min_dynamic_batch_size=2,
            max_dynamic_batch_size=16,
            trusted_source=True,
            model_features={"nms_fused": True, "sizes": [1, 2]},
            backend_details=ONNXPackageDetails(17, ("CoreMLExecutionProvider",)),
            recommended_parameters=RecommendedParameters(0.5, {"cat": 0.1}),
        )
        forbid_sockets()

        expected = evolve(said, model_packages=(in_place(said.model_packages[0], home / "shapes" / "p1"),))
        assert offline_metadata("roboflow", "shapes", catalog=NO_PLUGINS) == expected
        assert offline_metadata("roboflow", "my-shapes", catalog=NO_PLUGINS) == expected
        assert offline_metadata("roboflow", "shapes", catalog=NO_PLUGINS, package_id="p1") == expected
        [package] = expected.model_packages
        assert materialise(expected, package, "roboflow") == home / "shapes" / "p1"

    @pytest.mark.parametrize(
        "details",
        [
            TRTPackageDetails(trt_version="10.12.0.36", compute_capability="8.9", same_cc_compatible=True),
            TorchScriptPackageDetails(["cpu", "cuda"], "2.6.0"),
        ],
    )
    def test_details_that_the_core_knows_need_no_manifest(self, publisher: Publisher, details: object) -> None:
        stored(publisher, backend_details=details)
        metadata = offline_metadata("roboflow", "shapes", catalog=NO_PLUGINS)
        assert metadata is not None
        assert [package.backend_details for package in metadata.model_packages] == [details]

    def test_unknown_models_are_none(self, publisher: Publisher) -> None:
        stored(publisher)
        assert offline_metadata("roboflow", "others", catalog=NO_PLUGINS) is None
        assert offline_metadata("acme", "shapes", catalog=NO_PLUGINS) is None
        assert offline_metadata("roboflow", "shapes", catalog=NO_PLUGINS, package_id="p2") is None

    def test_the_backends_own_parser_reads_the_manifest_again(
        self, publisher: Publisher, install_plugin: Callable[..., Path]
    ) -> None:
        stored(
            publisher,
            backend="acme-npu",
            manifest={"type": "acme-v1", "cores": 4},
            backend_details=object(),
        )
        said = offline_metadata("roboflow", "shapes", catalog=NO_PLUGINS)
        assert said is not None
        assert said.model_packages[0].backend_details is None, "nobody here knows the backend; negotiation says so"

        install_plugin("acme", BACKEND)
        said = offline_metadata("roboflow", "shapes")
        assert said is not None
        assert said.model_packages[0].backend_details == ("parsed", 4)

    def test_of_several_plugins_that_read_a_manifest_that_of_the_packages_backend_does(
        self, publisher: Publisher, install_plugin: Callable[..., Path]
    ) -> None:
        stored(publisher, backend="acme-npu", manifest={"type": "acme-v1", "cores": 4})
        install_plugin("aaa", BACKEND.replace('name="acme-npu"', 'name="aaa"').replace('"parsed"', '"wrong"'))
        install_plugin("acme", BACKEND)
        said = offline_metadata("roboflow", "shapes")
        assert said is not None
        assert [package.backend_details for package in said.model_packages] == [("parsed", 4)]

    @pytest.mark.parametrize(
        ("manifest", "reason"),
        [({"type": "acme-v1", "broken": True}, "cannot be parsed"), ({"type": "acme-v2"}, "type 'acme-v2'")],
    )
    def test_a_manifest_that_cannot_be_read_is_a_reason(
        self, publisher: Publisher, install_plugin: Callable[..., Path], manifest: dict[str, object], reason: str
    ) -> None:
        stored(publisher, backend="acme-npu", manifest=manifest)
        install_plugin("acme", BACKEND)
        said = offline_metadata("roboflow", "shapes")
        assert said is not None
        assert said.model_packages == ()
        assert reason in said.unreadable_packages[0].reason

    def test_incomplete_packages_are_listed_with_the_reason(self, publisher: Publisher, home: Path) -> None:
        stored(publisher)
        stored(publisher, package_id="p2")
        stored(publisher, package_id="p3")
        (home / "shapes" / "p1" / "weights.onnx").unlink()
        (home / "shapes" / "p2" / "data" / "part.bin").write_bytes(b"pert")

        said = offline_metadata("roboflow", "shapes", catalog=NO_PLUGINS)
        assert said is not None
        assert [package.package_id for package in said.model_packages] == ["p3"]
        reasons = {package.package_id: package.reason for package in said.unreadable_packages}
        assert "file 'weights.onnx' is missing" in reasons["p1"]
        assert "file 'data/part.bin' is changed" in reasons["p2"]

    def test_what_json_lacks_makes_a_package_unreadable_and_is_named(self, publisher: Publisher) -> None:
        @frozen
        class Details:
            cores: int

        stored(publisher, backend_details=Details(3), model_features={"value": float("nan")})
        said = offline_metadata("roboflow", "shapes", catalog=NO_PLUGINS)
        assert said is not None
        assert "model_features and backend_details could not be kept" in said.unreadable_packages[0].reason

    def test_a_manifest_of_format_1_is_not_enough_until_the_next_load(self, publisher: Publisher, home: Path) -> None:
        said = stored(publisher)
        path = home / "shapes" / "p1" / MANIFEST_NAME
        document = json.loads(path.read_text())
        del document["description"], document["aliases"]
        path.write_text(json.dumps({**document, "format_version": 1}))
        assert offline_metadata("roboflow", "shapes", catalog=NO_PLUGINS) is None
        [status] = list_offline_models(catalog=NO_PLUGINS)
        assert status.packages[0].presence is OfflinePackagePresence.MALFORMED

        asked = len(publisher.server.requests)
        materialise(said, said.model_packages[0], "roboflow")
        assert len(publisher.server.requests) == asked
        assert offline_metadata("roboflow", "shapes", catalog=NO_PLUGINS) is not None

    @pytest.mark.parametrize("value", [{}, {"model": 3}, {"model": {}, "package": {}}, {"package": {"backend": 3}}])
    def test_a_malformed_description_is_no_crash(self, publisher: Publisher, home: Path, value: object) -> None:
        stored(publisher)
        stored(publisher, package_id="p2")
        path = home / "shapes" / "p1" / MANIFEST_NAME
        path.write_text(json.dumps({**json.loads(path.read_text()), "description": value}))

        said = offline_metadata("roboflow", "shapes", catalog=NO_PLUGINS)
        assert said is not None
        assert said.model_architecture == "yolov8"
        assert [package.package_id for package in said.model_packages] == ["p2"]
        assert [package.package_id for package in said.unreadable_packages] == ["p1"]


class TestStatus:
    def test_models_are_listed_with_their_packages(self, publisher: Publisher, home: Path) -> None:
        stored(publisher, alias="my-shapes", trusted_source=True)
        stored(publisher, package_id="p2")
        stored(publisher, package_id="p3", contents={"w": b"w"})
        (home / "shapes" / "p2" / "weights.onnx").unlink()
        (home / "shapes" / "p3" / "w").unlink()

        [model] = list_offline_models(catalog=NO_PLUGINS)
        assert (model.canonical_model_id, model.source, model.requested_aliases) == (
            "shapes",
            "roboflow",
            ["my-shapes"],
        )
        assert model.recorded_at is not None
        assert [(one.package_id, one.presence.value, one.missing_files) for one in model.packages] == [
            ("p1", "ok", []),
            ("p2", "incomplete", ["weights.onnx"]),
            ("p3", "missing", ["w"]),
        ]
        assert model.packages[0].trusted_source is True

    def test_verification_reads_every_byte_when_asked(self, publisher: Publisher, home: Path) -> None:
        stored(publisher)
        path = home / "shapes" / "p1" / "data" / "part.bin"
        stamp = path.stat()
        path.write_bytes(b"pert")
        os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))

        assert {row.status for row in verify_offline_model("shapes")} == {OfflineArtefactStatus.OK}
        rows = verify_offline_model("shapes", check_hashes=True)
        assert {row.file_handle: row.status.value for row in rows} == {
            "weights.onnx": "ok",
            "data/part.bin": "hash-mismatch",
        }
        assert {(row.canonical_model_id, row.package_id) for row in rows} == {("shapes", "p1")}

    def test_an_unknown_model_cannot_be_verified(self) -> None:
        with pytest.raises(ModelNotFoundError, match="It has: nothing"):
            verify_offline_model("shapes")
