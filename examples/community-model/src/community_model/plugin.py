"""What this plugin declares."""

from __future__ import annotations

from inference_models.developer_tools import SESSION_BACKENDS, LazyClass, ModelSpec, hookimpl


@hookimpl
def im_models() -> ModelSpec:
    """Declare the family photo-quality, whose task the core has never heard of."""
    return ModelSpec(
        architectures="photo-quality",
        task_type="image-quality",
        backends=SESSION_BACKENDS,
        target=LazyClass("community_model.model", "PhotoQualityModel"),
    )
