"""Which packages hold programs, as far as the names of their files tell: what is not known to be data may be one."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from inference_models.entities import BackendType

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
_OWN = ".im-"
_MOST_FILES = 1000


def find_program(backend: str, files: Iterable[str], data_suffixes: Iterable[str] = ()) -> str | None:
    """Return what makes a package a program, None when all in it is data.

    Args:
        backend: of the package.
        files: their names.
        data_suffixes: endings of names that mark data, too, in lower case and with their dot.
    """
    if backend in _PROGRAM_BACKENDS:
        return f"packages of the backend {str(backend)!r} are programs"
    own = frozenset(data_suffixes)
    for number, name in enumerate(files):
        if number == _MOST_FILES:
            return f"it holds more than {_MOST_FILES} files"
        path = PurePosixPath(name)
        suffix = path.suffix.lower()
        if path.name.startswith(_OWN) or path.name.lower() in _DATA_NAMES or suffix in own:
            continue
        if suffix in _PROGRAMS or (suffix not in _DATA and backend not in _DATA_BACKENDS):
            return f"its file {name!r} may be a program"
    return None


def files_in(directory: Path) -> Iterator[str]:
    """Yield the names of the files in a package directory, or of the one file that the package is."""
    if not directory.is_dir():
        yield directory.name
    for parent, _, names in os.walk(directory):
        yield from (Path(parent, name).relative_to(directory).as_posix() for name in sorted(names))
