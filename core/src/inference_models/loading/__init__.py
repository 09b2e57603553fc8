"""The way from an id to a model."""

from __future__ import annotations

from inference_models.loading.cached import find_cached_model_package_dir
from inference_models.loading.metadata import look_up_model
from inference_models.loading.options import LoadOptions, one_spelling
from inference_models.loading.way import load, make_plan

__all__ = ["LoadOptions", "find_cached_model_package_dir", "load", "look_up_model", "make_plan", "one_spelling"]
