from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from im_florence2.plugin import im_models
from inference_models import VisionLanguageModel
from inference_models.developer_tools import current_catalog


def test_the_family_is_discovered_from_the_entry_point() -> None:
    spec = im_models()
    declared = [row for row in current_catalog().models() if row.spec == spec]
    assert [row.plugin.distribution for row in declared] == ["im-florence2"]
    assert (spec.architectures, spec.task_type, spec.backends) == (("florence-2",), "vlm", ("hugging-face",))
    assert issubclass(spec.target.resolve(), VisionLanguageModel)


def test_declaring_and_explaining_import_no_runtime(tiny_package: Path) -> None:
    program = (
        "import sys\n"
        "from inference_models import AutoModel\n"
        f"plan = AutoModel.explain({str(tiny_package)!r})\n"
        "assert plan.candidates, plan\n"
        "heavy = ('torch', 'numpy', 'transformers', 'tokenizers', 'cv2', 'PIL')\n"
        "print(*[name for name in heavy if name in sys.modules])\n"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == ""
