"""Which packages hold programs, as far as the names of their files tell: what is not known to be data may be one."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from inference_models.distributions import canonical_name
from inference_models.entities import BackendType
from inference_models.handles import OWN_PREFIX

__all__ = ["files_in", "find_program"]


def _suffixes(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Their packages are programs, whatever the files are called: archives with code, engines for a device.
_PROGRAM_BACKENDS = frozenset({BackendType.TORCH_SCRIPT, BackendType.TRT})
# Their packages may call files of weights what they like, and nothing but the runtime reads those.
_DATA_BACKENDS = frozenset({BackendType.ONNX, BackendType.MEDIAPIPE})

_DATA = _suffixes(
    """
    .onnx .onnx_data .data .safetensors .tflite .task .json .jsonl .txt .vocab .csv .tsv .yaml .yml
    .toml .md .rst .model .jinja .png .jpg .jpeg
    """
)
_DATA_NAMES = frozenset({"license", "notice", "readme", "copying", "authors", ".gitattributes"})
_PROGRAMS = _suffixes(
    """
    .py .pyc .pyd .so .dll .dylib .sh .bat .exe .pkl .pickle .joblib .npy .npz .pt .pth .ckpt
    .torchscript .ts .plan .engine .trt .h5 .hdf5 .keras .mar
    """
)
_MOST_FILES = 1000


def find_program(backend: str, files: Iterable[str], data_suffixes: Iterable[str] = ()) -> str | None:
    """Return what makes a package a program, None when all in it is data.

    Args:
        backend: of the package, in any spelling under which it is found.
        files: their names. One that ends with a slash is a link to a folder elsewhere.
        data_suffixes: endings of names that mark data, too, in lower case and with their dot.
    """
    kind = canonical_name(backend)
    if kind in _PROGRAM_BACKENDS:
        return f"packages of the backend {str(backend)!r} are programs"
    known = frozenset(data_suffixes)
    for number, name in enumerate(files):
        if number == _MOST_FILES:
            return f"it holds more than {_MOST_FILES} files"
        if name.endswith("/"):
            return f"its folder {name!r} is a link, behind which anything may stand"
        if not _is_data(PurePosixPath(name), kind, known):
            return f"its file {name!r} may be a program"
    return None


def _is_data(path: PurePosixPath, backend: str, known: frozenset[str]) -> bool:
    suffix = path.suffix.lower()
    if suffix in _PROGRAMS:
        return suffix in known
    is_named = path.name.startswith(OWN_PREFIX) or path.name.lower() in _DATA_NAMES
    return is_named or suffix in _DATA | known or backend in _DATA_BACKENDS


def files_in(directory: Path) -> Iterator[str]:
    """Yield the names of the files in a package directory, or of the one file that the package is.

    Links to folders are not followed, because they may lead round in circles; their names end with a slash.
    """
    if not directory.is_dir():
        yield directory.name
    for parent, folders, names in os.walk(directory):
        place = Path(parent).relative_to(directory)
        yield from ((place / name).as_posix() for name in sorted(names))
        yield from (f"{(place / name).as_posix()}/" for name in sorted(folders) if Path(parent, name).is_symlink())
