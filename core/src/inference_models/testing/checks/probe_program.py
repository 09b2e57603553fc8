"""Runs in a process of its own: imports a plugin, asks its hooks, and notes what that does. Standard library only.

What is measured is compared with importing the core in the same process, in CPU time: a busy machine slows both down,
and waiting for it counts for neither.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import threading
import time
import warnings
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

_MARKER = "inference_models_impl"
_NETWORK = {"socket.connect": "connected to {1}", "socket.getaddrinfo": "looked up the host {0}"}
_EVENTS = {
    **_NETWORK,
    "subprocess.Popen": "started the program {0}",
    "os.system": "started the program {0}",
    "os.posix_spawn": "started the program {0}",
}


class Watch:
    """Notes what happens in this process between `start` and `stop`."""

    def __init__(self) -> None:
        self._deeds: list[str] = []
        self._on = False
        sys.addaudithook(self._hear)
        self._sleep, time.sleep = time.sleep, self._note_sleep  # audited from Python 3.13 on only

    def start(self) -> None:
        """Begin."""
        self._deeds = []
        self._modules = set(sys.modules)
        self._environment = dict(os.environ)
        self._threads = threading.active_count()
        self._on = True
        self._started = time.process_time()

    def stop(self) -> dict[str, Any]:
        """Return "seconds" of CPU time, "modules" that were imported, and "deeds", in words."""
        seconds = time.process_time() - self._started
        self._on = False
        changed = sorted(
            name
            for name in self._environment.keys() | os.environ.keys()
            if self._environment.get(name) != os.environ.get(name)
        )
        deeds = [*self._deeds, *(f"changed the environment variable {name}" for name in changed)]
        if threading.active_count() > self._threads:
            deeds.append(f"left {threading.active_count() - self._threads} threads running")
        return {"seconds": seconds, "modules": sorted(set(sys.modules) - self._modules), "deeds": deeds}

    def _note_sleep(self, seconds: Any) -> None:
        if self._on:
            self._deeds.append(f"slept for {seconds:g} s")
        self._sleep(seconds)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._on:
            return
        if event == "open" and _is_written(arguments):
            self._deeds.append(f"wrote to {arguments[0]}")
        elif event in _EVENTS:
            self._deeds.append(_EVENTS[event].format(*arguments))


def _is_written(arguments: tuple[Any, ...]) -> bool:
    path, mode, flags = (*arguments, None, None, None)[:3]
    # Python keeps compiled modules. A number is a file that was opened before, which was heard then.
    if isinstance(path, int) or "__pycache__" in str(path) or str(path) == os.devnull:
        return False
    if isinstance(mode, str):
        return any(letter in mode for letter in "wax+")
    return isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) != 0


def describe(value: Any) -> Any:
    """Return what a spec says in values that can be compared between processes and written as JSON."""
    fields = getattr(type(value), "__attrs_attrs__", None)
    if fields is not None:
        return {type(value).__name__: {field.name: describe(getattr(value, field.name)) for field in fields}}
    if isinstance(value, Mapping):
        return {str(key): describe(item) for key, item in sorted(value.items(), key=lambda pair: str(pair[0]))}
    if isinstance(value, (set, frozenset)):
        return sorted(map(str, value))
    if isinstance(value, (list, tuple)):
        return [describe(item) for item in value]
    if callable(value):
        return f"{getattr(value, '__module__', '?')}:{getattr(value, '__qualname__', type(value).__name__)}"
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)


def ask(plugin: Any, hooks: list[str]) -> dict[str, list[Any]]:
    """Return the specs that each of the plugin's hooks declares."""
    declared = {}
    for hook in hooks:
        implementation: Any = getattr(plugin, hook, None)
        if getattr(implementation, _MARKER, None) is not None:
            answer = implementation()
            declared[hook] = [answer] if hasattr(type(answer), "__attrs_attrs__") else list(answer)
    return declared


def load(entry_point: str) -> Any:
    """Return what an entry point names: a module, or an attribute of one."""
    module, _, attributes = entry_point.partition(":")
    found = importlib.import_module(module.strip())
    for attribute in filter(None, attributes.strip().split(".")):
        found = getattr(found, attribute)
    return found


def _attempt(watch: Watch, do: Callable[[], Any]) -> tuple[dict[str, Any], Any]:
    answer, failure = None, None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        watch.start()
        try:
            answer = do()
        except BaseException as error:  # modules exit where they should raise
            failure = f"{type(error).__name__}: {error}"
        noted = watch.stop()
    deprecations = [
        f"{one.message} ({one.filename}:{one.lineno})" for one in caught if issubclass(one.category, DeprecationWarning)
    ]
    return {**noted, "failure": failure, "deprecations": deprecations}, answer


def _detect(spec: Any) -> Any:
    from inference_models.specs import resolve

    return resolve(spec.detect)()


def main(arguments: dict[str, Any]) -> dict[str, Any]:
    """Return what importing the plugin and asking its hooks did, and with "backend" what its `detect` did."""
    sys.path[:] = arguments["path"]
    watch = Watch()
    watch.start()
    from inference_models.developer_tools import (  # noqa: F401 (all that a plugin.py may need)
        BackendSpec,
        LazyClass,
        ModelSpec,
        PipelineSpec,
        WeightsProviderSpec,
        hookimpl,
    )

    report: dict[str, Any] = {"core": watch.stop()}
    hooks = arguments["hooks"]
    report["plugin"], declared = _attempt(watch, lambda: ask(load(arguments["entry_point"]), hooks))
    report["declared"] = describe(declared or {})
    backend = arguments.get("backend")
    for spec in (declared or {}).get("im_backends", ()):
        if spec.name == backend:
            report["detect"], _ = _attempt(watch, partial(_detect, spec))
    return report


if __name__ == "__main__":
    result = main(json.loads(sys.argv[1]))
    print("\n" + json.dumps(result))
