"""Specs by key with their distribution; conflicts only for whoever asks; one catalog per process."""

from __future__ import annotations

import json
import subprocess
import sys
import threading

import pytest

from inference_models.catalog import current_catalog, install_hint
from inference_models.errors import PluginConflictError, UnknownBackendTypeError, WeightsProviderNotFoundError
from inference_models.memo import Memo

MODEL = """
    from inference_models.developer_tools import LazyClass, ModelSpec, hookimpl

    @hookimpl
    def im_models():
        return ModelSpec(
            architectures=("acmenet", "acmenet-v2"),
            task_type="classification",
            backends=("onnx", "torch"),
            target=LazyClass("nowhere", "Nothing"),
        )
"""

BACKEND = """
    from inference_models.developer_tools import BackendSpec, hookimpl

    @hookimpl
    def im_backends():
        return BackendSpec(name="acme-npu", priority=10, detect=dict)
"""


def test_a_spec_is_found_by_key_with_its_distribution(install_plugin) -> None:
    install_plugin("acme", MODEL, version="4.2")
    declared = current_catalog().model("acmenet-v2", "classification", "torch")
    assert declared is not None
    assert str(declared.plugin) == "acme 4.2"


def test_a_spec_that_spells_one_name_twice_is_in_no_conflict_with_itself(install_plugin) -> None:
    install_plugin("acme", MODEL.replace('"acmenet-v2"', '"AcmeNet", "acmenet"'))
    assert current_catalog().model("acmenet", "classification", "onnx") is not None
    assert not current_catalog().conflicts()


def test_keys_compare_without_case_and_separators(install_plugin) -> None:
    install_plugin("acme", MODEL)
    assert current_catalog().model("AcmeNet_V2", "Classification", "ONNX") is not None


def test_a_missing_task_is_filled_in_when_there_is_only_one(install_plugin) -> None:
    install_plugin("acme", MODEL)
    install_plugin("other", MODEL.replace('"classification"', '"embedding"').replace('"acmenet-v2"', '"acmenet-v3"'))
    assert current_catalog().model("acmenet-v2", None, "onnx") is not None
    assert current_catalog().model("acmenet", None, "onnx") is None, "two tasks: nobody can know which"


NPU = """
    from inference_models.developer_tools import BackendSpec, hookimpl

    @hookimpl
    def im_backends():
        yield BackendSpec(name="acme-npu", priority=10, detect=dict, open_session=dict)
        yield BackendSpec(name="acme-dsp", priority=10, detect=dict, open_session=dict)
        yield BackendSpec(name="acme-module", priority=10, detect=dict)
"""

SPECIAL = """
    from inference_models.developer_tools import SESSION_BACKENDS, LazyClass, ModelSpec, hookimpl

    @hookimpl
    def im_models():
        for backends, module in ((SESSION_BACKENDS, "nowhere"), ("Acme_NPU", "special")):
            target = LazyClass(module, "Nothing")
            yield ModelSpec(architectures="acmenet", task_type="classification", backends=backends, target=target)
"""

OVER_SESSIONS = MODEL.replace("ModelSpec,", "ModelSpec, SESSION_BACKENDS,").replace(
    '("onnx", "torch")', "SESSION_BACKENDS"
)


class TestAnyBackendWithSessions:
    @pytest.fixture(autouse=True)
    def _only_these(self, monkeypatch) -> None:
        monkeypatch.setenv("INFERENCE_MODELS_ONLY_PLUGINS", "acme,npu,one,two")

    def test_one_that_is_installed_later_runs_the_family_too(self, install_plugin) -> None:
        install_plugin("acme", OVER_SESSIONS)
        catalog = current_catalog()
        assert catalog.model("acmenet", "classification", "acme-npu") is None
        assert [catalog.backends_of(row.spec) for row in catalog.models()] == [()]
        assert catalog.task_types("acmenet") == {"classification"}
        install_plugin("npu", NPU)
        catalog = current_catalog()
        assert str(catalog.model("AcmeNet", "classification", "Acme_NPU").plugin) == "acme 1.0"
        assert catalog.task_types("acmenet", "Acme.NPU") == {"classification"}
        assert [catalog.backends_of(row.spec) for row in catalog.models()] == [("acme-dsp", "acme-npu")]

    def test_one_without_sessions_does_not(self, install_plugin) -> None:
        install_plugin("acme", OVER_SESSIONS)
        install_plugin("npu", NPU)
        assert current_catalog().model("acmenet", "classification", "acme-module") is None
        assert current_catalog().task_types("acmenet", "acme-module") == set()

    def test_the_plugins_own_row_for_a_backend_outranks_it(self, install_plugin) -> None:
        install_plugin("acme", SPECIAL)
        install_plugin("npu", NPU)
        catalog = current_catalog()
        targets = [
            catalog.model("acmenet", "classification", name).spec.target.module_name
            for name in ("acme-npu", "acme-dsp")
        ]
        assert targets == ["special", "nowhere"]
        assert not catalog.conflicts()

    def test_two_distributions_are_in_conflict_on_each_backend_that_both_run_on(
        self, install_plugin, monkeypatch
    ) -> None:
        install_plugin("one", OVER_SESSIONS)
        install_plugin("two", MODEL.replace('"torch"', '"acme-npu"'))
        install_plugin("npu", NPU)
        with pytest.raises(PluginConflictError, match=r"one 1\.0 .* and two 1\.0"):
            current_catalog().model("acmenet", "classification", "acme-npu")
        monkeypatch.setenv("INFERENCE_MODELS_PREFER", "model:acmenet/classification/acme-npu=one")
        assert current_catalog().model("acmenet", "classification", "acme-npu").plugin.distribution == "one"
        assert current_catalog().model("acmenet", "classification", "acme-dsp").plugin.distribution == "one"
        assert current_catalog().model("acmenet", "classification", "onnx").plugin.distribution == "two"


def test_an_unknown_backend_names_near_ones(install_plugin) -> None:
    install_plugin("acme", BACKEND)
    with pytest.raises(UnknownBackendTypeError, match="Did you mean 'acme-npu'"):
        current_catalog().backend("acme-npv")


def test_an_unknown_provider_names_those_that_exist_and_broken_plugins(install_plugin) -> None:
    install_plugin("broken", "raise RuntimeError('no')")
    with pytest.raises(
        WeightsProviderNotFoundError, match=r"(?s)Known: .*local.*broken 1\.0 \(import\): RuntimeError: no"
    ):
        current_catalog().provider("acme")


def test_a_conflict_is_an_error_for_its_key_only(install_plugin) -> None:
    install_plugin("one", MODEL)
    install_plugin("two", MODEL.replace('"acmenet-v2"', '"acmenet-v3"'))
    catalog = current_catalog()
    assert catalog.model("acmenet-v2", "classification", "onnx") is not None
    with pytest.raises(
        PluginConflictError, match=r"one 1\.0 .* and two 1\.0 .*INFERENCE_MODELS_DISABLE_PLUGINS"
    ) as caught:
        catalog.model("acmenet", "classification", "onnx")
    assert 'INFERENCE_MODELS_PREFER="model:acmenet/classification/onnx=one"' in caught.value.message
    assert [conflict.key for conflict in catalog.conflicts()] == [
        "model:acmenet/classification/onnx",
        "model:acmenet/classification/torch",
    ]


@pytest.mark.parametrize("key", ["backend:acme-npu", "Backend:Acme_NPU"])
def test_the_setting_that_the_error_names_settles_the_conflict(install_plugin, monkeypatch, key) -> None:
    install_plugin("one", BACKEND)
    install_plugin("two", BACKEND)
    monkeypatch.setenv("INFERENCE_MODELS_PREFER", f"{key}=two")
    catalog = current_catalog()
    assert catalog.backend("acme-npu").plugin.distribution == "two"
    assert not catalog.conflicts()


def test_a_setting_that_names_neither_of_two_is_named_by_the_error(install_plugin, monkeypatch) -> None:
    install_plugin("one", BACKEND)
    install_plugin("two", BACKEND)
    monkeypatch.setenv("INFERENCE_MODELS_PREFER", "backend:acme-npu=onee")
    said = r"PREFER names 'onee' for it, which declares no such thing: did you mean 'one'\? Choose one: set INFERENCE"
    with pytest.raises(PluginConflictError, match=said):
        current_catalog().backend("acme-npu")


def test_who_declares_each_key(install_plugin) -> None:
    install_plugin("one", BACKEND)
    install_plugin("two", BACKEND)
    assert [str(owner) for owner in current_catalog().owners()["backend:acme-npu"]] == ["one 1.0", "two 1.0"]


def test_of_several_readers_the_backend_that_is_named_reads_a_manifest(install_plugin) -> None:
    reader = BACKEND.replace("detect=dict", "detect=dict, manifest_parsers={'acme-v1': dict}")
    for name in ("one", "two"):
        install_plugin(name, reader.replace("acme-npu", name))
    catalog = current_catalog()
    assert catalog.manifest_reader("acme-v2", "one") is None
    assert [catalog.manifest_reader("acme-v1", name).spec.name for name in ("one", "two")] == ["one", "two"]
    with pytest.raises(PluginConflictError, match=r"'acme-v1' are read by .*one 1\.0.* Switch one off with INFERENCE"):
        catalog.manifest_reader("acme-v1", "three")


def test_disabling_one_settles_the_conflict(install_plugin, monkeypatch) -> None:
    install_plugin("one", BACKEND)
    install_plugin("two", BACKEND)
    monkeypatch.setenv("INFERENCE_MODELS_DISABLE_PLUGINS", "one")
    assert current_catalog().backend("acme-npu").plugin.distribution == "two"


def test_one_distribution_that_declares_a_key_twice_conflicts_with_itself(install_plugin) -> None:
    install_plugin("one", BACKEND.replace("return BackendSpec", "return 2 * [BackendSpec").rstrip() + "]\n")
    with pytest.raises(PluginConflictError):
        current_catalog().backend("acme-npu")


def test_threads_that_come_together_share_one_catalog(install_plugin) -> None:
    counter = "import itertools, builtins\nbuiltins.acme_loads = getattr(builtins, 'acme_loads', 0) + 1\n"
    install_plugin("acme", counter)
    barrier, seen = threading.Barrier(8), []

    def look() -> None:
        barrier.wait()
        seen.append(current_catalog())

    threads = [threading.Thread(target=look) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    import builtins

    assert len({id(catalog) for catalog in seen}) == 1
    assert vars(builtins).pop("acme_loads") == 1


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_child_process_sees_the_same_plugins(install_plugin, monkeypatch, method: str) -> None:
    directory = install_plugin("acme", BACKEND)
    monkeypatch.setenv("PYTHONPATH", str(directory))
    current_catalog()
    code = (
        "import multiprocessing, sys\n"
        "from inference_models.catalog import current_catalog\n"
        "def ask(queue): queue.put([row.spec.name for row in current_catalog().backends()])\n"
        "if __name__ == '__main__':\n"
        "    current_catalog()\n"
        f"    context = multiprocessing.get_context({method!r})\n"
        "    queue = context.Queue()\n"
        "    child = context.Process(target=ask, args=(queue,))\n"
        "    child.start(); print(queue.get(timeout=30)); child.join(30)\n"
    )
    script = directory / "ask.py"
    script.write_text(code, "utf-8")
    run = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=60, check=True)
    assert "'acme-npu'" in run.stdout


def test_a_known_distribution_is_named_for_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inference_models.distributions.installed_version", lambda name: None)
    monkeypatch.setattr("inference_models.catalog._installed", Memo())
    assert install_hint("architectures", "YOLOv8") == " Install it: pip install im-yolo."
    assert install_hint("architectures", "no-such-net") == ""


def test_nobody_is_told_to_install_what_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inference_models.distributions.installed_version", {"im-yolo": "1.2"}.get)
    monkeypatch.setattr("inference_models.catalog._installed", Memo())
    assert install_hint("architectures", "yolov8") == (
        " im-yolo 1.2, which brings it, is installed but not in use: 'im plugins' says why."
    )
    assert install_hint("backends", "onnx") == " Install it: pip install im-backend-onnx."


def test_the_catalog_imports_nothing_heavy(install_plugin) -> None:
    code = (
        "import json, sys\n"
        "from inference_models.catalog import current_catalog\n"
        "current_catalog().backends()\n"
        "print(json.dumps(sorted(sys.modules)))\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    heavy = {"numpy", "torch", "cv2", "onnxruntime", "requests", "supervision", "transformers", "rich"}
    assert not heavy & set(json.loads(run.stdout))
