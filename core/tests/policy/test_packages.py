"""What the policy has against packages is a verdict in the plan, and arguments that ask for more are errors."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from inference_models import AutoModel, NoModelPackagesAvailableError, PolicyViolationError
from inference_models.catalog import current_catalog
from inference_models.developer_tools import register_model_provider
from inference_models.environment import Environment
from inference_models.loading.compilation import compile_model
from inference_models.metadata import FileDownloadSpecs, ModelMetadata, ModelPackageMetadata
from inference_models.negotiation import Plan, make_request, negotiate
from inference_models.weights_providers import WEIGHTS_PROVIDERS

PLUGIN = """
from inference_models.developer_tools import BackendSpec, LazyClass, ModelSpec, hookimpl

class Model:
    @classmethod
    def from_pretrained(cls, directory):
        return cls()

def load_class():
    return Model

@hookimpl
def im_backends():
    return [BackendSpec(name=name, priority=1, detect=dict) for name in ("npu", "spare")]

@hookimpl
def im_models():
    return ModelSpec(architectures="net", task_type="counting", backends=("npu", "spare"), target=Model)
"""


@pytest.fixture
def plan(install_plugin) -> Callable[..., Plan]:
    """Return a function that negotiates over one package with these fields."""
    install_plugin("im-npu", PLUGIN)

    def negotiate_over(request: dict[str, Any] | None = None, **fields: Any) -> Plan:
        fields = {"trusted_source": True, "package_artefacts": [artefact()], **fields}
        package = ModelPackageMetadata("p", fields.pop("backend", "npu"), **fields)
        metadata = ModelMetadata("acme/1", "net", [package], task_type="counting")
        return negotiate(metadata, current_catalog(), Environment(current_catalog), make_request(**(request or {})))

    return negotiate_over


def artefact(url: str = "https://files.example.com/w?sig=canary", name: str = "w.onnx", **hashes: str) -> Any:
    return FileDownloadSpecs(url, name, **(hashes or {"sha256_hash": "a" * 64, "md5_hash": "b" * 32}))


UNPROVEN = FileDownloadSpecs("https://files.example.com/w", "w.onnx")
WITH_MD5 = artefact(md5_hash="b" * 32)
MIT = "[licenses]\nweights = ['MIT']"


def reason(plan: Plan) -> str | None:
    [verdict] = plan.verdicts
    assert verdict.rejected_by in {None, "is_permitted"}
    assert (verdict.reason is None) == (verdict.rejected_by is None)
    return verdict.reason


def test_what_no_rule_forbids_is_usable(policy, plan) -> None:
    policy("[packages]\nuntrusted = false\nprograms = false\nhashes = 'sha256'\n[licenses]\nweights = ['MIT']")
    assert reason(plan(weights_license="MIT")) is None


@pytest.mark.parametrize(
    ("rules", "fields", "expected"),
    [
        ("[packages]\nuntrusted = false", {"trusted_source": False}, "packages.untrusted is false"),
        ("[packages]\nprograms = false", {"package_artefacts": [artefact(name="w.pt")]}, "its file 'w.pt' may be a"),
        ("[packages]\nprograms = false", {"backend": "torch-script"}, "packages of the backend 'torch-script'"),
        ("[packages]\nhashes = 'any'", {"package_artefacts": [UNPROVEN]}, "'w.onnx' came without an MD5 sum or a SHA"),
        ("[packages]\nhashes = 'sha256'", {"package_artefacts": [WITH_MD5]}, "came without a SHA-256"),
        ("[origins]\nallow = ['https://a.example']", {}, "does not cover https://files.example.com/w (it allows"),
        (MIT, {}, "nothing states the licence of its weights"),
        (MIT, {"weights_license": "Our own"}, "'Our own', the licence of its weights, is no SPDX"),
        (MIT, {"weights_license": "agpl-3.0-only"}, "does not cover AGPL-3.0-only"),
        (MIT, {"weights_license": "MIT AND AGPL-3.0-only"}, "does not cover MIT AND"),
    ],
)
def test_a_rule_is_a_verdict_with_the_file_the_key_and_no_secret(policy, plan, rules, fields, expected) -> None:
    path = policy(rules)
    found = str(reason(plan(**fields)))
    assert expected in found
    assert f"the policy {path} forbids it: " in found
    assert "canary" not in found
    with pytest.raises(NoModelPackagesAvailableError, match="forbids it"):
        plan(**fields).require_candidates()


def test_alternatives_of_licences(policy, plan) -> None:
    policy("[licenses]\nweights = ['MIT']")
    assert reason(plan(weights_license="AGPL-3.0-only OR MIT")) is None


def test_endings_that_are_data_here(policy, plan) -> None:
    policy("[packages]\nprograms = false\ndata_suffixes = ['.xml']")
    assert reason(plan(package_artefacts=[artefact(name="net.xml")])) is None
    assert "'net.bin'" in str(reason(plan(package_artefacts=[artefact(name="net.bin")])))


def test_packages_that_lie_here_are_looked_into(policy, plan, tmp_path: Path) -> None:
    policy("[packages]\nprograms = false\nhashes = 'sha256'\n[origins]\nallow = []")
    package = tmp_path / "package"
    (package / "deep").mkdir(parents=True)
    (package / "deep/weights.safetensors").touch()
    assert reason(plan(directory=package, package_artefacts=[])) is None
    (package / "deep/extra.pkl").touch()
    assert "deep/extra.pkl" in str(reason(plan(directory=package, package_artefacts=[])))
    assert "extra.pkl" in str(reason(plan(directory=package / "deep/extra.pkl", package_artefacts=[])))


@pytest.mark.parametrize(
    ("rule", "argument"),
    [
        ("untrusted = false", "allow_untrusted_packages"),
        ("local_code = false", "allow_local_code_packages"),
        ("programs = false", "allow_local_code_packages"),
        ("hashes = 'any'", "download_files_without_hash"),
        ("hashes = 'sha256'", "download_files_without_hash"),
    ],
)
def test_an_argument_that_asks_for_more_is_an_error(policy, rule: str, argument: str) -> None:
    path = policy(f"[packages]\n{rule}")
    for ask in (AutoModel.from_pretrained, AutoModel.explain):
        with pytest.raises(PolicyViolationError) as caught:
            ask("demo://shapes", **{argument: True})
        assert f"{argument}=True was given: the policy {path} forbids it: packages." in caught.value.message


@pytest.mark.parametrize("rule", ["local_paths = false", "untrusted = true"])
def test_a_provider_that_a_program_registers_is_held_to_the_list(policy, plan, rule: str) -> None:
    asked = []

    def get_model(model_id: str, api_key: str | None = None) -> ModelMetadata:
        asked.append(model_id)
        raise AssertionError("it was asked")

    register_model_provider("mine", get_model)
    try:
        policy(f"[providers]\nallow = ['demo']\n[packages]\n{rule}")
        with pytest.raises(PolicyViolationError, match="'mine' is not asked"):
            AutoModel.from_pretrained("mine://x")
    finally:
        del WEIGHTS_PROVIDERS["mine"]
    assert asked == []


def write_package(directory: Path, **config: object) -> Path:
    directory.mkdir()
    stated = {"model_architecture": "net", "task_type": "counting", "backend_type": "npu", **config}
    (directory / "model_config.json").write_text(json.dumps(stated))
    return directory


def test_paths(policy, plan, tmp_path: Path) -> None:
    directory = write_package(tmp_path / "mine")
    checkpoint = tmp_path / "best.pt"
    checkpoint.touch()
    assert AutoModel.from_pretrained(directory) is not None
    policy("[packages]\nlocal_paths = false")
    for path in (directory, str(directory), f"LOCAL.://{directory}", checkpoint, tmp_path / "missing"):
        for ask in (AutoModel.from_pretrained, AutoModel.explain, AutoModel.describe_model):
            with pytest.raises(PolicyViolationError, match=r"is a path and is not loaded.*packages\.local_paths"):
                ask(path)


COMPILER = """
from inference_models.developer_tools import BackendSpec, ModelSpec, hookimpl

def compile_package(directory, output, **_):
    return {"type": "npu-package", "backendType": "npu"}

@hookimpl
def im_backends():
    return BackendSpec(
        name="npu", priority=1, detect=dict, compile=compile_package, compiles={"torch-script"},
        manifest_parsers={"npu-package": lambda manifest: {"backend": "npu"}},
    )

@hookimpl
def im_models():
    return ModelSpec(architectures="net", task_type="counting", backends="npu", target=object)
"""
CODE = "class Model:\n    @classmethod\n    def from_pretrained(cls, directory):\n        return cls()\n"


def test_code_in_packages(policy, tmp_path: Path) -> None:
    directory = write_package(tmp_path / "mine", model_module="m.py", model_class="Model", weights_license="MIT")
    (directory / "m.py").write_text(CODE)
    policy("[licenses]\nweights = ['MIT']")
    assert AutoModel.from_pretrained(directory, allow_local_code_packages=True) is not None
    policy("[licenses]\nweights = ['Apache-2.0']")
    with pytest.raises(PolicyViolationError, match="does not cover MIT"):
        AutoModel.from_pretrained(directory, allow_local_code_packages=True)
    for rule in ("local_code", "programs"):
        policy(f"[packages]\n{rule} = false")
        with pytest.raises(PolicyViolationError, match=f"packages.{rule} is false"):
            AutoModel.from_pretrained(directory, allow_local_code_packages=True)


def test_a_program_is_not_compiled_into_data(policy, install_plugin, tmp_path: Path) -> None:
    install_plugin("im-npu", COMPILER)
    directory = write_package(tmp_path / "mine", backend_type="torch-script")
    assert compile_model(str(directory), "npu", output=tmp_path / "made").directory == tmp_path / "made"
    policy("[packages]\nprograms = false")
    with pytest.raises(NoModelPackagesAvailableError, match="packages of the backend 'torch-script' are programs"):
        compile_model(str(directory), "npu", output=tmp_path / "made-again")


def test_dependencies_are_held_to_it_too(policy, plan, tmp_path: Path) -> None:
    """A model may need others; each is a load of its own, and arguments for it are held to the rules."""
    policy("[packages]\nuntrusted = false")
    package = ModelPackageMetadata("p", "npu", directory=write_package(tmp_path / "mine"), trusted_source=True)
    needy = ModelMetadata(
        "x", "net", [package], task_type="counting", model_dependencies=[dependency("other", "other-id")]
    )
    register_model_provider("mine", lambda model_id, api_key=None: needy)
    try:
        with pytest.raises(PolicyViolationError, match="allow_untrusted_packages=True"):
            AutoModel.from_pretrained(
                "mine://x", dependency_models_params={"other": {"allow_untrusted_packages": True}}
            )
    finally:
        del WEIGHTS_PROVIDERS["mine"]


def dependency(name: str, model_id: str) -> Any:
    from inference_models.metadata import ModelDependency

    return ModelDependency(name, model_id)
