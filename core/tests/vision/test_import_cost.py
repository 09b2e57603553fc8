from __future__ import annotations

import subprocess
import sys


def test_importing_vision_imports_neither_opencv_nor_cattrs() -> None:
    program = (
        "import sys, inference_models.vision as vision\n"
        "for name in vision.__all__: getattr(vision, name)\n"
        "print(sorted({'cv2', 'cattrs', 'torch', 'onnxruntime'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_what_is_promised_is_sorted_and_there() -> None:
    from inference_models import vision

    assert sorted(vision.__all__) == vision.__all__
    assert all(hasattr(vision, name) for name in vision.__all__)


def test_a_missing_opencv_is_an_error_that_says_what_to_install() -> None:
    program = (
        "import sys; sys.modules['cv2'] = None\n"
        "from inference_models.vision import load_image\n"
        "from inference_models.errors import MissingDependencyError\n"
        "try: load_image(b'content')\n"
        "except MissingDependencyError as error: print(error)"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "pip install 'im-core[vision]'" in result.stdout
