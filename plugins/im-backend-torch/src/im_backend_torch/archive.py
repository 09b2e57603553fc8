"""Reading a TorchScript archive: a program with its weights. What is wrong with one is said in words that help."""

from __future__ import annotations

import logging
import re
from importlib import import_module
from pathlib import Path
from typing import Any

from inference_models import CorruptedModelPackageError, ModelLoadingError
from inference_models.developer_tools import explain_out_of_memory

WEIGHTS_NAMES = ("weights.torchscript", "model.torchscript")

_MISSING_OPERATOR = re.compile(r"Unknown builtin op: (\w+)::(\w+)|Could not find any similar ops to (\w+)::(\w+)")
_NEWER_FORMAT = re.compile(r"with version (\d+), but the maximum supported version for reading is (\d+)")

logger = logging.getLogger(__name__)


def load_archive(torch: Any, weights: Path, device: str) -> Any:
    """Return the program in an archive on `device`, in evaluation mode.

    Raises:
        CorruptedModelPackageError: the file is cut short or no TorchScript archive.
        ModelLoadingError: it needs an operator or a version of torch that is not there, or more memory.
    """
    try:
        try:
            module = torch.jit.load(str(weights), map_location=device)
        except RuntimeError as error:
            if not _registers_operators(error):
                raise
            module = torch.jit.load(str(weights), map_location=device)
    except Exception as error:  # torch's reader lets through whatever damaged bytes lead to
        raise _explained(torch, error, weights, device) from error
    return module.eval()


def _registers_operators(error: RuntimeError) -> bool:
    """Import torchvision when an archive lacks its operators: importing it is what registers them."""
    operator = _missing_operator(str(error))
    if operator is None or not operator.startswith("torchvision::"):
        return False
    try:
        import_module("torchvision")
    except Exception as failure:  # a build for another torch fails in many ways
        logger.debug("torchvision does not import: %r", failure)
        return False
    return True


def _missing_operator(text: str) -> str | None:
    match = _MISSING_OPERATOR.search(text)
    return "::".join(part for part in match.groups() if part) if match else None


def _explained(torch: Any, error: Exception, weights: Path, device: str) -> ModelLoadingError:
    text = str(error)
    operator = _missing_operator(text)
    if operator is not None:
        library = operator.partition("::")[0]
        return ModelLoadingError(
            f"{weights} uses the operator {operator}, which torch {torch.__version__} does not have. {library} defines "
            f"it, and is not installed or does not work here. Install the {library} that matches this torch, or export "
            f"the network without it."
        )
    if "constants.pkl" in text:
        return CorruptedModelPackageError(
            f"{weights} is no TorchScript archive: it holds no program. If it is a checkpoint of torch.save, its "
            f"backend is torch; otherwise export the network with torch.jit.trace or torch.jit.script."
        )
    if "PytorchStreamReader" in text:
        return CorruptedModelPackageError(
            f"{weights} is not a complete TorchScript archive: {_reader_reason(text)}. Download or export the "
            f"package again."
        )
    if formats := _NEWER_FORMAT.search(text):
        return ModelLoadingError(
            f"{weights} was made by a newer torch than the installed {torch.__version__}: it is of format "
            f"{formats[1]}, and this torch reads formats up to {formats[2]}. Update torch."
        )
    memory = explain_out_of_memory(torch, error, device)
    if memory is not None:
        return ModelLoadingError(f"{weights} does not fit on the device: {memory}")
    return CorruptedModelPackageError(
        f"{weights} is not a usable TorchScript archive: {last_line(error)} Download or export the package again."
    )


def _reader_reason(text: str) -> str:
    """Return what the reader of archives found, without its advice on what may have caused it."""
    match = re.search(r"PytorchStreamReader failed ([^.]+)", text)
    return match[1] if match else text.partition(".")[0]


def last_line(error: BaseException) -> str:
    """Return the last line of an error of TorchScript, which holds the reason, with a full stop."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    reason = re.sub(r"^(?:\w+\.)*\w*Error: ", "", lines[-1])
    return reason.rstrip(". ") + "."
