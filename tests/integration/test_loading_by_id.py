"""From an id to a model over Roboflow's API: the first load, the second, and what may go wrong in between."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import im_demo
from inference_models import (
    AutoModel,
    ForbiddenModelAccessError,
    InvalidParameterError,
    ModelNotFoundError,
    NoModelPackagesAvailableError,
    OfflineModeError,
    RetryError,
    UnauthorizedModelAccessError,
    find_cached_model_package_dir,
    load_image,
)
from inference_models.catalog import refresh_catalog
from inference_models.environment import refresh_environment

MODEL_ID = "workspace/shapes/3"


def weights(home: Path) -> Path:
    [path] = home.rglob("weights.onnx")
    return path


def load(**options: object):
    return AutoModel.from_pretrained(MODEL_ID, **options)


def test_a_model_is_loaded_by_id_and_predicts_as_the_one_in_the_wheel(api, home: Path) -> None:
    picture = load_image(im_demo.picture_path())
    [found], [expected] = load()(picture), AutoModel.from_pretrained("demo://shapes")(picture)
    assert np.array_equal(found.xyxy, expected.xyxy)
    assert list(found.names) == list(expected.names)
    assert weights(home).parent.name == "onnx-fp32"


def test_the_second_load_asks_nobody(api) -> None:
    load()
    asked, fetched = api.count(), api.files.count()
    load()
    assert (api.count(), api.files.count()) == (asked, fetched)


def test_the_second_process_needs_no_network(api) -> None:
    load()
    api.close()
    code = f"from inference_models import AutoModel; print(AutoModel.from_pretrained({MODEL_ID!r}).class_names)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert "circle" in run.stdout, run.stderr


def test_without_memory_the_api_is_asked_and_no_file_is_fetched_again(api) -> None:
    load()
    asked, fetched = api.count(), api.files.count()
    load(use_auto_resolution_cache=False)
    assert (api.count(), api.files.count()) == (asked + 1, fetched)


def test_another_request_or_another_key_is_another_decision(api, monkeypatch) -> None:
    load()
    for options in ({"api_key": "other"}, {"device": "cpu"}, {"onnx_threads": 1}, {"batch_size": 2}):
        asked = api.count()
        load(**options)
        assert api.count() == asked + 1, options
        load(**options)
        assert api.count() == asked + 1, options
    monkeypatch.setenv("ROBOFLOW_API_KEY", "third")
    load()
    assert api.count() == asked + 2, "a key from the environment counts too"


def test_what_another_server_said_is_not_remembered_of_this_one(api, faults, monkeypatch) -> None:
    load()
    with faults.ApiServer() as other:
        monkeypatch.setenv("ROBOFLOW_API_HOST", other.url)
        with pytest.raises(ModelNotFoundError):
            load()


def test_a_key_that_was_withdrawn_is_not_served_from_memory_of_another(api) -> None:
    api.keys = {"good"}
    load(api_key="good")
    with pytest.raises(UnauthorizedModelAccessError):
        load(api_key="bad")


def test_an_upgraded_backend_decides_anew(api, monkeypatch) -> None:
    load()
    asked = api.count()
    from im_backend_onnx import detection

    monkeypatch.setattr(detection, "_build_information", lambda _libraries: ("onnxruntime", "99.0"))
    refresh_environment()
    load()
    assert api.count() == asked + 1


def test_a_backend_with_another_setting_decides_anew(api, monkeypatch) -> None:
    load()
    asked = api.count()
    monkeypatch.setenv("ONNXRUNTIME_EXECUTION_PROVIDERS", "CPUExecutionProvider")
    load()
    assert api.count() == asked + 1


def test_an_upgraded_plugin_decides_anew(api, tmp_path, monkeypatch) -> None:
    from inference_models.testing.fakes import write_plugin

    load()
    asked = api.count()
    monkeypatch.syspath_prepend(str(write_plugin(tmp_path / "site", "another-plugin", "")))
    refresh_catalog()
    load()
    assert api.count() == asked + 1


@pytest.mark.parametrize("damage", ["removed", "truncated", "changed", "directory removed"])
def test_damaged_files_are_repaired_by_the_next_load(api, home: Path, damage: str) -> None:
    load()
    path = weights(home)
    content = path.read_bytes()
    if damage == "removed":
        path.unlink()
    elif damage == "truncated":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "changed":
        path.write_bytes(bytes([content[0] ^ 1]) + content[1:])
    else:
        import shutil

        shutil.rmtree(path.parent)
    assert load().class_names[0] == "circle"
    assert weights(home).read_bytes() == content


def test_a_file_that_was_only_touched_is_not_fetched_again(api, home: Path) -> None:
    load()
    fetched = api.files.count()
    weights(home).touch()
    load()
    assert api.files.count() == fetched


def test_memory_that_is_damaged_is_rebuilt(api, home: Path) -> None:
    load()
    [entry] = (home / ".resolutions").glob("*.json")
    entry.write_text("{", "utf-8")
    asked = api.count()
    load()
    load()
    assert api.count() == asked + 1


def test_an_untrusted_package_is_rejected_unless_allowed(api) -> None:
    package = {**api.pages[MODEL_ID][None]["modelPackages"][0], "trustedSource": False}
    api.add_model("workspace/untrusted/1", [package])
    with pytest.raises(NoModelPackagesAvailableError, match="allow_untrusted_packages=True"):
        AutoModel.from_pretrained("workspace/untrusted/1")
    assert AutoModel.from_pretrained("workspace/untrusted/1", allow_untrusted_packages=True).class_names


def test_every_package_has_its_verdict_also_those_that_nobody_can_read(api) -> None:
    [good] = api.pages[MODEL_ID][None]["modelPackages"]
    broken = {**good, "packageId": "broken", "packageManifest": {**good["packageManifest"], "opset": "seventeen"}}
    unknown = {**good, "packageId": "unknown", "packageManifest": {"type": "oak-model-package-v1"}}
    api.add_model("workspace/mixed/1", [broken, good, unknown])
    plan = AutoModel.explain("workspace/mixed/1")
    assert [(verdict.package.package_id, verdict.usable) for verdict in plan.verdicts] == [
        ("onnx-fp32", True),
        ("broken", False),
        ("unknown", False),
    ]
    assert all(verdict.reason for verdict in plan.verdicts[1:])
    assert AutoModel.from_pretrained("workspace/mixed/1").class_names


def test_an_unknown_id_is_not_found(api) -> None:
    with pytest.raises(ModelNotFoundError, match="workspace/nothing/1"):
        AutoModel.from_pretrained("workspace/nothing/1")


def test_a_key_shows_nowhere(api, home: Path, caplog) -> None:
    canary = "canary-8d1f6c"
    api.keys = {canary}
    with caplog.at_level(logging.DEBUG):
        model = load(api_key=canary)
        load(api_key=canary)
        with pytest.raises(UnauthorizedModelAccessError) as caught:
            load(api_key=f"{canary}-wrong")
    assert canary not in caplog.text
    assert canary not in f"{caught.value!r} {caught.value} {caught.value.__cause__!r} {caught.value.__context__!r}"
    assert canary not in repr(model)
    for path in home.rglob("*"):
        assert canary not in path.name
        assert path.is_dir() or canary.encode() not in path.read_bytes()


def test_models_of_the_demo_are_listed(api, capsys) -> None:
    assert AutoModel.list_available_models()["demo"] == ["digits", "shapes"]
    assert "demo://shapes" in capsys.readouterr().out


def test_packages_are_described(api, capsys) -> None:
    assert AutoModel.describe_model_package(MODEL_ID, "onnx-fp32").backend == "onnx"
    with pytest.raises(NoModelPackagesAvailableError, match="Did you mean 'onnx-fp32'"):
        AutoModel.describe_model_package(MODEL_ID, "onnx-fp31")
    assert "weights.onnx" in capsys.readouterr().out


def test_the_directory_of_a_model_on_disk_is_found(api, home: Path) -> None:
    assert find_cached_model_package_dir(MODEL_ID) is None
    load()
    assert find_cached_model_package_dir(MODEL_ID) == str(weights(home).parent)
    for wrong in ("./path", None, ""):
        with pytest.raises(InvalidParameterError):
            find_cached_model_package_dir(wrong)
    with pytest.raises(InvalidParameterError):
        AutoModel.verify_offline_model(None)


def outdate(home: Path) -> None:
    for entry in (home / ".resolutions").glob("*.json"):
        entry.unlink()


def test_an_outage_of_the_provider_does_not_stop_what_is_on_disk(api, home: Path, monkeypatch, caplog) -> None:
    load()
    outdate(home)
    api.close()
    monkeypatch.setattr("inference_models.download.retries._FIRST_WAIT_SECONDS", 0.01)
    with caplog.at_level(logging.WARNING):
        assert load().class_names[0] == "circle"
    assert "cannot be looked up, so what is on disk is used" in caplog.text
    with pytest.raises(RetryError):
        AutoModel.from_pretrained("workspace/other/1")


def test_a_refusal_of_the_provider_is_no_outage(api, home: Path, faults) -> None:
    load()
    outdate(home)
    api.fail(faults.status(403))
    with pytest.raises(ForbiddenModelAccessError):
        load()


def test_a_package_that_cannot_be_fetched_is_skipped_by_im_download_too(api, home: Path) -> None:
    from click.testing import CliRunner

    from inference_models.cli.application import im

    [good] = api.pages[MODEL_ID][None]["modelPackages"]
    unproven = [{**file, "md5Hash": None} for file in good["packageFiles"]]
    api.add_model("workspace/two/1", [{**good, "packageId": "a-unproven", "packageFiles": unproven}, good])
    result = CliRunner().invoke(im, ["download", "workspace/two/1"])
    assert result.exit_code == 0, result.output
    assert result.stdout.strip().endswith("onnx-fp32")


class TestOffline:
    """With the network switched off."""

    @pytest.fixture(autouse=True)
    def _loaded_then_offline(self, api, request, monkeypatch) -> None:
        load()
        monkeypatch.setenv("INFERENCE_MODELS_OFFLINE", "1")
        request.getfixturevalue("no_sockets")

    def test_what_is_on_disk_is_loaded(self) -> None:
        assert load().class_names[0] == "circle"

    def test_the_demo_needs_no_network_anyway(self) -> None:
        assert AutoModel.from_pretrained("demo://shapes").class_names[0] == "circle"

    def test_a_read_only_cache_will_do(self, home: Path) -> None:
        directories = [home, *(path for path in home.rglob("*") if path.is_dir())]
        for directory in directories:
            directory.chmod(0o500)
        try:
            assert load().class_names[0] == "circle"
        finally:
            for directory in directories:
                directory.chmod(0o700)

    def test_what_is_not_on_disk_is_named(self) -> None:
        with pytest.raises(OfflineModeError, match="does not hold roboflow://workspace/other/1"):
            AutoModel.from_pretrained("workspace/other/1")

    def test_models_on_disk_are_listed_and_verified(self, home: Path, capsys) -> None:
        [model] = AutoModel.list_offline_models()
        assert model.canonical_model_id == MODEL_ID
        assert {file.status.value for file in AutoModel.verify_offline_model(MODEL_ID, check_hashes=True)} == {"ok"}
        content = weights(home).read_bytes()
        weights(home).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        statuses = {file.file_handle: file.status.value for file in AutoModel.verify_offline_model(MODEL_ID, True)}
        assert statuses["weights.onnx"] == "hash-mismatch"
        assert "hash-mismatch" in capsys.readouterr().out


def test_a_package_in_the_cache_can_be_loaded_by_its_path(api, home: Path, tmp_path: Path) -> None:
    import shutil

    load()
    copy = shutil.copytree(weights(home).parent, tmp_path / "copy")
    model = AutoModel.from_pretrained(copy)
    assert model.class_names == load().class_names
    [package] = AutoModel.explain(copy).metadata.model_packages
    assert (package.quantization.value, package.dynamic_batch_size_supported) == ("fp32", True)


def test_recommended_thresholds_reach_the_model(api) -> None:
    [package] = api.pages[MODEL_ID][None]["modelPackages"]
    picture = load_image(im_demo.picture_path())
    everything = len(load()(picture, confidence=0.4)[0])
    recommended = {"confidence": 0.4, "perClassConfidence": {"star": 0.9}}
    api.add_model("workspace/recommended/1", [package], recommendedParameters=recommended)
    model = AutoModel.from_pretrained("workspace/recommended/1")
    [best], [default] = model(picture, confidence="best"), model(picture, confidence="default")
    assert len(default) == everything
    assert len(best) < everything
    assert all(score > 0.9 for name, score in zip(best.names, best.confidence, strict=True) if name == "star")


class Memory:
    """A resolution cache of one's own, in memory."""

    def __init__(self) -> None:
        self.entries: dict[str, Any] = {}

    def register(self, key: str, resolution: object) -> None:
        self.entries[key] = resolution

    def retrieve(self, key: str) -> object | None:
        return self.entries.get(key)

    def invalidate(self, key: str) -> None:
        self.entries.pop(key, None)


def test_decisions_can_be_remembered_elsewhere(api, home: Path) -> None:
    memory = Memory()
    load(auto_resolution_cache=memory)
    asked = api.count()
    load(auto_resolution_cache=memory)
    assert api.count() == asked
    assert [entry.package_id for entry in memory.entries.values()] == ["onnx-fp32"]
    assert not (home / ".resolutions").exists()


def test_a_memory_that_fails_breaks_no_load(api, caplog) -> None:
    class Broken:
        def fail(self, *_: object) -> None:
            raise ConnectionError("the memory is down")

        register = retrieve = invalidate = fail

    assert load(auto_resolution_cache=Broken()).class_names
    assert "the memory is down" in caplog.text


def test_what_was_remembered_and_no_longer_loads_is_forgotten_and_asked_anew(api, home: Path) -> None:
    memory = Memory()
    load(auto_resolution_cache=memory)
    (weights(home).parent / "class_names.txt").unlink()
    asked = api.count()
    assert load(auto_resolution_cache=memory).class_names[0] == "circle"
    assert api.count() == asked + 1
    assert len(memory.entries) == 1
