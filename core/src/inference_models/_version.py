"""The version of the installed distribution, read from its metadata."""

from inference_models.distributions import installed_version

__version__ = installed_version("im-core") or "unknown"
