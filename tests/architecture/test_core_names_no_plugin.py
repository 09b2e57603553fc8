"""Adding a plugin edits nothing in the core: its code names none. The generated hints are data, and fresh."""

from __future__ import annotations

import re

import known_plugins
from workspace import ROOT, core, plugins


def test_no_source_file_of_the_core_names_a_plugin() -> None:
    names = sorted({name for plugin in plugins() for name in (plugin.name, plugin.package.name)})
    pattern = re.compile(rf"(?<![\w-])({'|'.join(names)})(?![\w-])")
    named = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in sorted(core().package.rglob("*.py"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if pattern.search(line)
    ]
    assert named == []


def test_the_generated_hints_are_fresh() -> None:
    assert known_plugins.TARGET.read_text(encoding="utf-8") == known_plugins.render(), "run `make fix`"


def test_the_hints_name_what_this_repository_provides() -> None:
    known = known_plugins.collect(plugins())
    assert known["architectures"]["yolov8"] == "im-yolo"
    assert known["backends"]["onnx"] == "im-backend-onnx"
    assert known["providers"]["demo"] == "im-demo"
