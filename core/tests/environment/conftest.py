"""Catalogs with backends whose detection is a function of the test."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from inference_models.catalog import Catalog
from inference_models.plugins import LoadedPlugin, LoadedPlugins, PluginInfo
from inference_models.specs import BackendSpec

MakeCatalog = Callable[..., Catalog]


@pytest.fixture
def make_catalog() -> MakeCatalog:
    """Return a function that makes a catalog: `make_catalog(("im-acme", "acme", detect), ...)`."""

    def make(*backends: tuple[str, str, Any], priority: int = 10) -> Catalog:
        plugins = [
            LoadedPlugin(
                info=PluginInfo(
                    name=name,
                    module=name,
                    group="inference_models.v1",
                    distribution=distribution,
                    version="1.2",
                    location="here",
                    selection="enabled",
                    entry_point=None,
                ),
                declared={"im_backends": (BackendSpec(name=name, priority=priority + rank, detect=detect),)},
                seconds=0.0,
            )
            for rank, (distribution, name, detect) in enumerate(backends)
        ]
        return Catalog(LoadedPlugins(plugins=tuple(plugins)))

    return make
