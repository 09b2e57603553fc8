"""A backend's toolkit goes to the implementations that name it, made when it comes to loading."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

from inference_models import AutoModel
from inference_models.errors import (
    DeviceUnavailableError,
    InvalidParameterError,
    ModelImplementationNotFoundError,
    ModelPackageAlternativesExhaustedError,
)

PLUGIN = """
    from pathlib import Path
    from inference_models import DeviceUnavailableError
    from inference_models.developer_tools import (
        BackendSpec, LazyClass, ModelMetadata, ModelPackageMetadata, ModelSpec, WeightsProviderSpec, hookimpl,
    )

    MADE = []

    def get_model(model_id, api_key=None):
        packages = [
            ModelPackageMetadata(name, "tools", trusted_source=True, directory=Path(__file__).parent)
            for name in ("first", "second")
        ]
        return ModelMetadata(model_id, "maker", packages, task_type="make")

    class Tools:
        def __init__(self, device, package, options):
            self.device, self.package, self.options = device, package, options

    def toolkit(*, device, package, options):
        MADE.append(package.package_id)
        if device == "cuda":
            raise DeviceUnavailableError("no GPU here")
        return Tools(device, package, options)

    class Maker:
        @classmethod
        def from_pretrained(cls, path, *, toolkit):
            return toolkit

    class Other:
        @classmethod
        def from_pretrained(cls, path, **options):
            return options

    @hookimpl
    def im_weights_providers():
        return WeightsProviderSpec(name="acme", target=get_model, works_offline=True)

    @hookimpl
    def im_backends():
        yield BackendSpec(name="tools", priority=2, detect=dict, toolkit=toolkit, session_options={"edge"})
        yield BackendSpec(name="bare", priority=1, detect=dict, session_options={"blunt"})

    @hookimpl
    def im_models():
        for name in ("Maker", "Other"):
            yield ModelSpec(architectures=name.lower(), task_type="make", backends=("tools", "bare"),
                            target=LazyClass(__name__, name))
"""


@pytest.fixture
def plugin(install_plugin, tmp_path: Path) -> Path:
    """Install the plugin; return a directory for a package."""
    install_plugin("acme-tools", PLUGIN)
    return tmp_path


def plugin_module() -> ModuleType:
    return next(module for name, module in sys.modules.items() if name.startswith("acme_tools"))


def package(directory: Path, architecture: str = "maker", backend: str = "tools") -> Path:
    config = {"model_architecture": architecture, "task_type": "make", "backend_type": backend}
    (directory / "model_config.json").write_text(json.dumps(config), "utf-8")
    return directory


def test_it_is_made_for_the_package_with_device_and_options(plugin: Path) -> None:
    tools = AutoModel.from_pretrained(package(plugin), device="cpu", edge="sharp", blunt=True)
    assert (tools.device, tools.options) == ("cpu", {"edge": "sharp"})
    assert tools.package.directory == plugin


def test_only_who_names_it_gets_it(plugin: Path) -> None:
    options = AutoModel.from_pretrained(package(plugin, "other"))
    assert "toolkit" not in options
    assert plugin_module().MADE == []


def test_planning_does_not_make_it(plugin: Path) -> None:
    assert AutoModel.explain(package(plugin), edge="sharp").candidates
    assert plugin_module().MADE == []


def test_nobody_can_bring_their_own(plugin: Path) -> None:
    with pytest.raises(InvalidParameterError, match="Nothing accepts toolkit="):
        AutoModel.from_pretrained(package(plugin), toolkit="mine")


def test_a_backend_without_one_says_so(plugin: Path) -> None:
    with pytest.raises(
        ModelImplementationNotFoundError, match=r"Backend 'bare' of acme-tools 1\.0 provides no toolkit, and the model"
    ):
        AutoModel.from_pretrained(package(plugin, backend="bare"))


def test_its_error_is_that_of_the_package(plugin: Path) -> None:
    with pytest.raises(DeviceUnavailableError, match="no GPU here"):
        AutoModel.from_pretrained(package(plugin), device="cuda")
    with pytest.raises(ModelPackageAlternativesExhaustedError) as caught:
        AutoModel.from_pretrained("acme://model", device="cuda")
    assert [str(error) for error in caught.value.alternatives_errors] == 2 * ["no GPU here"]
    assert plugin_module().MADE[-2:] == ["first", "second"]
