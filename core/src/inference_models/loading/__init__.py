"""The way from an id to a model."""

from __future__ import annotations

from inference_models.loading.options import LoadOptions
from inference_models.loading.way import load, make_plan

__all__ = ["LoadOptions", "load", "make_plan"]
