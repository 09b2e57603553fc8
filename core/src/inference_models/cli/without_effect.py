"""Environment variables that the existing library of the same import name reads, and this one does not.

Whoever comes from there may have them set for years, and would not notice that they count no more.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from inference_models.configuration import names_in_environment

_FAMILIES = (
    r"YOLO_ULTRALYTICS|YOLOV5|YOLOV7|YOLOV10|YOLO26|YOLONAS|YOLACT|YOLOLITE|RFDETR|DETR|RESNET|VIT_CLASSIFIER|DINOV3|"
    r"DEEP_LAB_V3_PLUS|EASYOCR|GROUNDING_DINO|OWLV2|ROBOFLOW_INSTANT|MOONDREAM2|PALIGEMMA|SMOL_VLM|QWEN\w*|GEMMA\w*"
)
_IN_THE_CALL = "give it to the call, or write `recommended_parameters` into the package"
_LOGGING = "set the level of Python's logger inference_models"
_DOWNLOADS = "API_CALLS_TIMEOUT, API_CALLS_MAX_TRIES and INFERENCE_MODELS_DOWNLOAD_DEADLINE"
_PICTURES = "nothing here fetches pictures that are named by an address"

_INSTEAD: Mapping[str, str] = {
    rf"INFERENCE_MODELS_(({_FAMILIES})_)?DEFAULT_\w+": _IN_THE_CALL,
    r"INFERENCE_MODELS_RFDETR_(?!DEFAULT_)\w+|INFERENCE_MODELS_INSTANCE_SEG_MASK_PROCESSING_CHUNK_SIZE": "nothing",
    r"CHUNK_DOWNLOAD_(CONNECT_TIMEOUT|READ_TIMEOUT|MAX_ATTEMPTS)": _DOWNLOADS,
    r"DISABLE_INTERACTIVE_PROGRESS_BARS": "progress is shown with verbose=True only",
    r"MODEL_CACHE_DIR": "INFERENCE_HOME",
    r"OFFLINE_MODE_WARM_UP": "im download, then OFFLINE_MODE",
    r"VERBOSE_LOG_LEVEL|DISABLE_VERBOSE_LOGGER": _LOGGING,
    r"ALLOW_URL_INPUT(_WITHOUT_FQDN)?|ALLOW_NON_HTTPS_URL_INPUT": _PICTURES,
    r"(WHITE|BLACK)LISTED_DESTINATIONS_FOR_URL_INPUT|ALLOW_LOCAL_STORAGE_ACCESS_FOR_REFERENCE_DATA": _PICTURES,
}


def variables_without_effect(used: Collection[str]) -> list[dict[str, str]]:
    """Return "name" and "instead" of each such variable that is set.

    Args:
        used: names that the core or a plugin reads after all.
    """
    return [
        {"name": name, "instead": instead}
        for name in sorted(names_in_environment().difference(used))
        for pattern, instead in _INSTEAD.items()
        if re.fullmatch(pattern, name)
    ]
