"""Write `known_plugins.json`: which distribution of this repository provides what, for hints in error messages.

An error about something that is not installed can then name the distribution to install. The core's code names no
plugin; this file is data, made from what the plugins declare. Run it after changing a declaration (`make fix` does).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from importlib import import_module
from types import ModuleType
from typing import Any

from workspace import Distribution, core, plugins

TARGET = core().package / "known_plugins.json"


def declared(module: ModuleType, hook: str) -> Iterator[Any]:
    """Yield the specs that a plugin module declares through `hook`; a hook returns one or several."""
    implementation = getattr(module, hook, None)
    if implementation is None:
        return
    specs = implementation()
    yield from specs if isinstance(specs, Iterable) else [specs]


def keys(module: ModuleType) -> Iterator[tuple[str, str]]:
    """Yield (section, key) for everything that a plugin module declares and a hint can be about."""
    for spec in declared(module, "im_models"):
        yield from (("architectures", architecture) for architecture in spec.architectures)
        yield from (("checkpoints", model_type) for model_type in spec.checkpoint_types)
    for spec in declared(module, "im_backends"):
        yield "backends", spec.name
    for spec in declared(module, "im_weights_providers"):
        yield "providers", spec.name


def comparable(key: str) -> str:
    """Return a key as the core compares keys: lower case, one `-` for any of `-_.`."""
    return "-".join(part for part in re.split(r"[-_.]+", key.lower()) if part)


def collect(distributions: Iterable[Distribution]) -> dict[str, dict[str, str]]:
    """Return, for each section, the distribution that provides each key.

    Raises:
        ValueError: two distributions provide one key, so a hint could not name one.
    """
    known: dict[str, dict[str, str]] = {"architectures": {}, "backends": {}, "checkpoints": {}, "providers": {}}
    for distribution in distributions:
        for module_name in distribution.plugin_modules.values():
            for section, key in keys(import_module(module_name)):
                owner = known[section].setdefault(comparable(key), distribution.name)
                if owner != distribution.name:
                    raise ValueError(f"{owner} and {distribution.name} both provide {key!r} ({section})")
    return known


def render() -> str:
    """Return the text of the file, keys sorted so that changes show as small diffs."""
    return json.dumps(collect(plugins()), indent=2, sort_keys=True) + "\n"


def main() -> None:
    """Write the file if it has changed."""
    text = render()
    if not TARGET.is_file() or TARGET.read_text(encoding="utf-8") != text:
        TARGET.write_text(text, encoding="utf-8")
        print(f"wrote {TARGET.name}")


if __name__ == "__main__":
    main()
