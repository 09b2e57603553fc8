"""Models whose code lies beside their weights: `model_config.json` names a module and a class in the package itself.

Such a package is a program. It is loaded only from a directory that the user named, and only when the user
allowed it.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import json
import sys
from contextlib import suppress
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

from inference_models.entities import PACKAGE_CONFIG_NAME
from inference_models.errors import (
    CorruptedModelPackageError,
    ForbiddenLocalCodePackageAccessError,
    InvalidParameterError,
)
from inference_models.memo import ProcessLock
from inference_models.policy import current_policy

_MODULE_KEY, _CLASS_KEY = "model_module", "model_class"
_stamps: dict[str, dict[str, tuple[int, int]]] = {}
# Forgetting a package's modules must not meet another thread that is just importing them.
_importing = ProcessLock()


def find_local_code(directory: Path) -> dict[str, Any] | None:
    """Return the configuration of a custom code package; None when `directory` is none.

    Anything that is wrong with the file is left to whoever reads it as an ordinary package.
    """
    try:
        config = json.loads((directory / PACKAGE_CONFIG_NAME).read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(config, dict) or not {_MODULE_KEY, _CLASS_KEY} & set(config):
        return None
    return config


def refuse_code_of_its_own(directory: Path) -> None:
    """Refuse to say anything about a custom code package: it states nothing, and its code is the whole of it.

    Raises:
        InvalidParameterError: `directory` is one.
    """
    config = find_local_code(directory)
    if config is not None:
        raise InvalidParameterError(
            f"{directory} holds a model with code of its own ({config.get(_MODULE_KEY)!r}). That code alone says what "
            f"the model is and where it runs: no package is chosen, so there is nothing to explain, describe or "
            f"compile. AutoModel.from_pretrained(path, allow_local_code_packages=True) loads it."
        )


def load_local_class(directory: Path, config: dict[str, Any], *, allowed: bool) -> type:
    """Import the class that a custom code package names.

    Args:
        directory: the package.
        config: its `model_config.json`: "model_module", a file in the directory, and "model_class".
        allowed: whether the user permits running the package's code.

    Raises:
        ForbiddenLocalCodePackageAccessError: it is not permitted.
        PolicyViolationError: the policy forbids it, or does not allow the licence of its weights.
        CorruptedModelPackageError: the module or class is missing, lies elsewhere, or does not import.
    """
    if not allowed:
        raise ForbiddenLocalCodePackageAccessError(
            f"{directory} holds a model with code of its own ({config.get(_MODULE_KEY)!r}), and loading it would run "
            f"that code. If you trust it, pass allow_local_code_packages=True (im predict --allow-local-code-packages)."
        )
    policy, stated = current_policy(), config.get("weights_license")
    refusal = policy.refuse_local_code() or policy.refuse_weights(stated if isinstance(stated, str) else None)
    policy.require(f"{directory} holds a model with code of its own and is not loaded", refusal)
    path = _module_path(directory, config.get(_MODULE_KEY))
    name = config.get(_CLASS_KEY)
    if not isinstance(name, str) or not name.isidentifier():
        raise CorruptedModelPackageError(
            f"{directory / PACKAGE_CONFIG_NAME}: {_CLASS_KEY!r} must be the name of a class, not {name!r}. "
            f"Correct the file."
        )
    found = getattr(_import(directory, path), name, None)
    if not isinstance(found, type) or not callable(getattr(found, "from_pretrained", None)):
        raise CorruptedModelPackageError(
            f"{path} has no class {name!r} with a from_pretrained method. Correct {PACKAGE_CONFIG_NAME} or the module."
        )
    return found


def _module_path(directory: Path, name: object) -> Path:
    wrong = CorruptedModelPackageError(
        f"{directory / PACKAGE_CONFIG_NAME}: {_MODULE_KEY!r} must be the name of a Python file in {directory}, not "
        f"{name!r}. Correct the file."
    )
    if not isinstance(name, str) or "\0" in name or not name.endswith(".py"):
        raise wrong
    path = directory / name
    # Resolved, so that neither ".." nor a link leads out of the package.
    if not path.resolve().is_relative_to(directory.resolve()) or not path.is_file():
        raise wrong
    if not all(part.isidentifier() for part in path.relative_to(directory).with_suffix("").parts):
        raise wrong
    return path


def _import(directory: Path, path: Path) -> ModuleType:
    """Import the file as a module of a package that stands for the directory.

    The package's name is made from the directory's path: the same files in two directories are two modules,
    relative imports find their neighbours, and what looks a module up by name (dataclasses, pickle) finds it.
    Modules are found in the resolved directory: what is imported later must not follow the process into another
    current directory, nor a link to another target, and run code that nobody allowed.
    """
    place = directory.resolve()
    root = f"inference_models_local_{hashlib.sha256(str(place).encode()).hexdigest()[:16]}"
    name = ".".join((root, *path.relative_to(directory).with_suffix("").parts))
    try:
        with _importing.held():
            _ensure_package(root, place)
            _forget_if_changed(root, place)
            return importlib.import_module(name)
    except (Exception, SystemExit) as error:  # some modules exit where they should raise
        raise CorruptedModelPackageError(
            f"{path} does not import: {type(error).__name__}: {error}. Correct the module, or install what it needs."
        ) from error


def _forget_if_changed(root: str, directory: Path) -> None:
    """Let the files be imported anew when one has changed; else classes stay the same objects, as pickle needs."""
    stamps = {}
    for path in sorted(directory.rglob("*.py")):
        with suppress(OSError):  # gone meanwhile, or a link to nowhere: Emacs leaves one beside what is not saved yet
            status = path.stat()
            stamps[str(path)] = (status.st_mtime_ns, status.st_size)
    if _stamps.get(root) != stamps:
        for known in [known for known in sys.modules if known.startswith(f"{root}.")]:
            del sys.modules[known]
        importlib.invalidate_caches()
        _stamps[root] = stamps


def _ensure_package(name: str, directory: Path) -> None:
    if name not in sys.modules:
        spec = ModuleSpec(name, loader=None, is_package=True)
        spec.submodule_search_locations = [str(directory)]
        sys.modules[name] = importlib.util.module_from_spec(spec)
