"""What this plugin brings: a row for each architecture, task and set of backends, and a pipeline. Imports no model."""

from __future__ import annotations

from inference_models.developer_tools import SESSION_BACKENDS, LazyClass, ModelSpec, PipelineSpec, hookimpl

_TRANSFORMERS = ("transformers>=5",)
_HF = ("hugging-face",)  # needs transformers itself
_ONE, _MANY = "classification", "multi-label-classification"

# architectures, task, backends, what else must be installed, class
_ROWS = (
    (("resnet", "vit"), _ONE, (SESSION_BACKENDS,), (), "im_classification.sessions:SessionClassifier"),
    (("resnet", "vit"), _MANY, (SESSION_BACKENDS,), (), "im_classification.sessions:SessionMultiLabelClassifier"),
    (("resnet",), _ONE, ("torch",), _TRANSFORMERS, "im_classification.resnet:ResNetClassifier"),
    (("resnet",), _MANY, ("torch",), _TRANSFORMERS, "im_classification.resnet:ResNetMultiLabelClassifier"),
    (("vit",), _ONE, ("torch",), _TRANSFORMERS, "im_classification.vit:ViTClassifier"),
    (("vit",), _MANY, ("torch",), _TRANSFORMERS, "im_classification.vit:ViTMultiLabelClassifier"),
    (("resnet",), _ONE, _HF, (), "im_classification.hugging_face:TransformersResNet"),
    (("resnet",), _MANY, _HF, (), "im_classification.hugging_face:TransformersMultiLabelResNet"),
    (("vit",), _ONE, _HF, (), "im_classification.hugging_face:TransformersViT"),
    (("vit",), _MANY, _HF, (), "im_classification.hugging_face:TransformersMultiLabelViT"),
)


@hookimpl
def im_models() -> list[ModelSpec]:
    """Declare the classifiers."""
    return [
        ModelSpec(
            architectures=architectures,
            task_type=task_type,
            backends=backends,
            target=LazyClass(*target.split(":")),
            requires=requires,
        )
        for architectures, task_type, backends, requires, target in _ROWS
    ]


@hookimpl
def im_pipelines() -> PipelineSpec:
    """Declare the pipeline that classifies what a detector finds. Its defaults are for trying it."""
    return PipelineSpec(
        id="detect-and-classify",
        target=LazyClass("im_classification.detect_and_classify", "DetectAndClassify"),
        default_models=("demo://shapes", "demo://digits"),
        places=("detector", "classifier"),
    )
