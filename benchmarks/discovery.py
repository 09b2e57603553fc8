"""Finding, importing and asking 50 installed plugins that declare 450 models, against `import numpy`.

The plugins are real distributions in a directory on `PYTHONPATH`. Everything counts, from the import of the
core to the finished catalog.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from harness import Row, alternate_children, check_light, compare, print_table
from inference_models.testing.fakes import write_plugin

ROUNDS = 15
PLUGINS = 50
MODELS_EACH = 9

PLUGIN_SOURCE = '''
"""Declares the models of family {number}."""

from inference_models.developer_tools import LazyClass, ModelSpec, hookimpl

_TASKS = ("object-detection", "instance-segmentation", "keypoint-detection")


@hookimpl
def im_models():
    return [
        ModelSpec(
            architectures=f"family-{number}-{{size}}",
            task_type=task,
            backends=("onnx", "torch"),
            target=LazyClass("family_{number}.models", f"Model{{size}}"),
            supported_model_features={{"fused-nms"}},
        )
        for task in _TASKS
        for size in ("small", "medium", "large")
    ]
'''

OURS = f"""
from inference_models.catalog import current_catalog
catalog = current_catalog()
mine = [row for row in catalog.models() if row.plugin.distribution.startswith("im-benchmark-")]
assert len(mine) == {PLUGINS * MODELS_EACH}, (len(mine), catalog.problems)
"""


def measure(rounds: int = ROUNDS) -> list[Row]:
    """Return the row."""
    with tempfile.TemporaryDirectory() as directory:
        for number in range(PLUGINS):
            write_plugin(Path(directory), f"im-benchmark-{number}", PLUGIN_SOURCE.format(number=number))
        ours, floor = alternate_children(OURS, "import numpy", rounds, {"PYTHONPATH": directory})
    check_light("discovery", ours)
    name = f"discover {PLUGINS} plugins, {PLUGINS * MODELS_EACH} models / import numpy"
    return [compare(name, [c.seconds for c in ours], [c.seconds for c in floor], "ms", 1.5)]


def main() -> None:
    from importlib.metadata import distributions

    print(f"besides the {PLUGINS} plugins, {len(list(distributions()))} distributions are installed ({sys.prefix})")
    print_table(measure())


if __name__ == "__main__":
    main()
