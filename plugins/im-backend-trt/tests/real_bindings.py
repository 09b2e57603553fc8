"""Run with TensorRT's real bindings on the path: prints what its classes offer, as JSON.

The full bindings need libraries that the package index does not have. Empty ones in their place let the module load, as
long as symbols are looked up when they are called; nothing here calls any.
"""

from __future__ import annotations

import inspect
import json
import os
import sys
from importlib import import_module
from typing import Any


def describe(value: Any) -> dict[str, Any]:
    """Return what a class offers: by method its documented signatures, by property nothing, by member its name."""
    if hasattr(value, "__members__"):
        return {"members": sorted(value.__members__)}
    offered = {}
    for name in dir(value):
        member = inspect.getattr_static(value, name, None)
        if name == "__init__" or not name.startswith("_"):
            offered[name] = None if isinstance(member, property) else str(getattr(value, name).__doc__ or "")
    return {"attributes": offered}


if hasattr(os, "RTLD_LAZY"):
    sys.setdlopenflags(os.RTLD_LAZY)
module = import_module(sys.argv[1])
names = {name: describe(value) for name, value in vars(module).items() if inspect.isclass(value)}
functions = [name for name, value in vars(module).items() if inspect.isroutine(value)]
print(json.dumps({"version": module.__version__, "classes": names, "functions": functions}))
