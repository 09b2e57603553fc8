"""What stands in for the real thing in tests of plugins: distributions, packages, sessions, providers."""

from __future__ import annotations

from inference_models.testing.fakes.packages import write_package
from inference_models.testing.fakes.plugins import installed_plugin, write_plugin
from inference_models.testing.fakes.provider import FakeProvider
from inference_models.testing.fakes.sessions import FakeSession

__all__ = ["FakeProvider", "FakeSession", "installed_plugin", "write_package", "write_plugin"]
