"""Fixtures of the negotiation tests: a catalog, an environment and packages made of given facts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from inference_models.catalog import Catalog
from inference_models.environment import BackendStatus, Environment, Gpu
from inference_models.metadata import ModelMetadata, ModelPackageMetadata, UnreadablePackage
from inference_models.negotiation import Plan, make_request, negotiate
from inference_models.plugins import LoadedPlugin, LoadedPlugins, PluginInfo
from inference_models.specs import BackendSpec, LazyClass, ModelSpec


def package(package_id: str, backend: str = "onnx", **fields: Any) -> ModelPackageMetadata:
    """Return a trusted package with an id."""
    return ModelPackageMetadata(package_id, backend, **{"trusted_source": True, "directory": Path("x"), **fields})


def make_catalog(
    check: Callable[..., object] | None = None,
    rank: Callable[..., object] | None = None,
    requires: Sequence[str] = (),
    declared: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
) -> Catalog:
    """Return a catalog: `acmenet` classification on trt, onnx and torch; torch has its own quantizations.

    `declared` holds further fields of backends, by name.
    """
    info = PluginInfo(
        name="acme",
        module="acme",
        group="inference_models.v1",
        distribution="im-acme",
        version="1.0",
        location="here",
        selection="enabled",
        entry_point=None,
    )
    defaults = {"torch": {"cpu": ["fp32", "unknown"], "*": ["fp16", "unknown"]}}
    backends = tuple(
        BackendSpec(
            name=name,
            priority=priority,
            detect=dict,
            check=check,
            rank=rank,
            default_quantizations=defaults.get(name, {}),
            **declared.get(name, {}),
        )
        for name, priority in {"trt": 700, "onnx": 600, "torch": 500}.items()
    )
    model = ModelSpec(
        architectures="acmenet",
        task_type="classification",
        backends=("trt", "onnx", "torch"),
        target=LazyClass("acme", "AcmeNet"),
        supported_model_features={"fused", "nms_fused"},
        requires=requires,
    )
    specs: dict[str, tuple[Any, ...]] = {"im_backends": backends, "im_models": (model,)}
    return Catalog(LoadedPlugins((LoadedPlugin(info, MappingProxyType(specs), 0.0),), (), (info,)))


def make_environment(
    gpus: Sequence[Gpu] = (), installed: Mapping[str, str] | None = None, **unavailable: str
) -> Environment:
    """Return an environment where all backends run except those given with their reason."""
    return Environment.from_facts(
        gpus=gpus,
        installed=installed,
        backends=[
            BackendStatus(
                name=name,
                priority=priority,
                distribution="im-acme",
                available=name not in unavailable,
                facts={},
                reason=unavailable.get(name),
                fix="mend it" if name in unavailable else None,
            )
            for name, priority in {"trt": 700, "onnx": 600, "torch": 500}.items()
        ],
    )


@pytest.fixture
def plan_for() -> Callable[..., Plan]:
    """Return a function that negotiates over packages: `plan_for([package("a")], backend="onnx")`."""

    def plan(
        packages: list[ModelPackageMetadata],
        *,
        architecture: str = "acmenet",
        task_type: str | None = "classification",
        check: Callable[..., object] | None = None,
        rank: Callable[..., object] | None = None,
        unavailable: Mapping[str, str] | None = None,
        gpus: Sequence[Gpu] = (),
        unreadable: Sequence[UnreadablePackage] = (),
        requires: Sequence[str] = (),
        installed: Mapping[str, str] | None = None,
        declared: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
        **request: Any,
    ) -> Plan:
        metadata = ModelMetadata("acme/1", architecture, packages, task_type=task_type, unreadable_packages=unreadable)
        environment = make_environment(gpus, installed, **(unavailable or {}))
        catalog = make_catalog(check, rank, requires, declared)
        return negotiate(metadata, catalog, environment, make_request(**request))

    return plan


@pytest.fixture
def make_package() -> Callable[..., ModelPackageMetadata]:
    """Return `package`."""
    return package
