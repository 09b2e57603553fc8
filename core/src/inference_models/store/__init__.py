"""Verified files on disk: where packages lie, how they get there, and how a load knows they are still right."""

from __future__ import annotations

from inference_models.store.contents import get_model_package_contents
from inference_models.store.derived import backend_cache_directory
from inference_models.store.layout import cache_root
from inference_models.store.packages import materialise
from inference_models.store.public_download import download_files_to_directory
from inference_models.store.resolutions import AutoResolutionCache, FileResolutionCache, Resolution, resolution_key

__all__ = [
    "AutoResolutionCache",
    "FileResolutionCache",
    "Resolution",
    "backend_cache_directory",
    "cache_root",
    "download_files_to_directory",
    "get_model_package_contents",
    "materialise",
    "resolution_key",
]
