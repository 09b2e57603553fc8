"""What this plugin declares. Nothing here loads transformers, torch or numpy."""

from __future__ import annotations

from inference_models.developer_tools import BackendType, LazyClass, ModelSpec, hookimpl


@hookimpl
def im_models() -> ModelSpec:
    """Declare Florence-2 over Hugging Face transformers."""
    return ModelSpec(
        architectures=("florence-2",),
        task_type="vlm",
        backends=(BackendType.HF,),
        target=LazyClass("im_florence2.model", "Florence2"),
    )
