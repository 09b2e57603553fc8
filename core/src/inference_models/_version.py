"""The version of the installed distribution, read from its metadata."""

from importlib_metadata import version

__version__ = version("im-core")
