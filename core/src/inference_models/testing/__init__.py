"""Helps for the tests of plugin authors."""

from __future__ import annotations

from inference_models.testing.fakes import installed_plugin

__all__ = ["installed_plugin"]
