"""Finding and loading plugins. The only code that knows pluggy and entry points."""

from __future__ import annotations

from inference_models.plugins.discovery import PluginInfo, find_plugins
from inference_models.plugins.manager import LoadedPlugin, LoadedPlugins, PluginProblem, load_plugins

__all__ = ["LoadedPlugin", "LoadedPlugins", "PluginInfo", "PluginProblem", "find_plugins", "load_plugins"]
