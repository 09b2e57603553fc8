from __future__ import annotations

import subprocess
import sys

import inference_models.predictions


def test_importing_predictions_and_models_imports_nothing_heavy() -> None:
    code = (
        "import sys, inference_models.predictions, inference_models.models\n"
        "print([name for name in ('numpy', 'torch', 'supervision', 'cv2', 'scipy') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_numpy_predictions_do_not_import_torch() -> None:
    code = (
        "import sys, numpy as np\n"
        "from inference_models.predictions import Detections\n"
        "boxes = Detections(np.zeros((2, 4)), np.zeros(2, int), np.ones(2), class_names=['a'])\n"
        "assert repr(boxes[boxes.confidence > 0]) == 'Detections(2: 2 a)'\n"
        "assert boxes.to_numpy().to_dict()\n"
        "print('torch' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"


def test_public_names_are_sorted_and_there() -> None:
    names = inference_models.predictions.__all__
    assert names == sorted(names)
    assert all(hasattr(inference_models.predictions, name) for name in names)
