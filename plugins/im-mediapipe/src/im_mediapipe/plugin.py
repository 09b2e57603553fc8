"""What this plugin declares. Nothing here or in what `detect` imports loads mediapipe or OpenCV."""

from __future__ import annotations

from inference_models.developer_tools import BackendSpec, BackendType, LazyClass, ModelSpec, Quantization, hookimpl

# architecture, task, class
_ROWS = (
    ("mediapipe-face-detector", "keypoint-detection", "im_mediapipe.face_detection:MediaPipeFaceDetector"),
    ("mediapipe-object-detector", "object-detection", "im_mediapipe.object_detection:MediaPipeObjectDetector"),
    ("mediapipe-image-classifier", "classification", "im_mediapipe.classification:MediaPipeClassifier"),
    (
        "mediapipe-image-classifier",
        "multi-label-classification",
        "im_mediapipe.classification:MediaPipeMultiLabelClassifier",
    ),
)


@hookimpl
def im_backends() -> BackendSpec:
    """Declare the MediaPipe backend. It has no sessions: its tasks prepare images and read outputs themselves."""
    return BackendSpec(
        name=BackendType.MEDIAPIPE,
        priority=200,
        detect=LazyClass("im_mediapipe.detection", "detect"),
        check=LazyClass("im_mediapipe.compatibility", "check"),
        manifest_parsers={"mediapipe-model-package-v1": LazyClass("im_mediapipe.manifest", "parse_manifest")},
        default_quantizations={"*": frozenset(Quantization)},
    )


@hookimpl
def im_models() -> list[ModelSpec]:
    """Declare the models that MediaPipe's tasks run."""
    return [
        ModelSpec(
            architectures=architecture,
            task_type=task_type,
            backends=BackendType.MEDIAPIPE,
            target=LazyClass(*target.split(":")),
        )
        for architecture, task_type, target in _ROWS
    ]
