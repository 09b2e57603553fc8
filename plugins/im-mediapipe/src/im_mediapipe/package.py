"""Opening a MediaPipe package: its files are read and checked against each other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from attrs import frozen

from im_mediapipe.model_file import ModelContents, Outputs, find_model_file, parse_contents, read_model_file
from im_mediapipe.runtime import TaskKind
from im_mediapipe.tasks import ModelTasks, Options
from inference_models import CorruptedModelPackageError, DeviceUnavailableError
from inference_models.developer_tools import parse_class_names

CLASS_NAMES = "class_names.txt"


@frozen
class MediaPipePackage:
    """An opened package.

    Attributes:
        tasks: the model, ready to run.
        class_names: indexed by class id.
        has_labels: whether the model file carries the class names too. Only then does MediaPipe know them.
    """

    tasks: ModelTasks
    class_names: tuple[str, ...]
    has_labels: bool


def open_package(
    directory: str | Path,
    kind: TaskKind,
    *,
    device: str | None,
    options: Options,
    check_outputs: Callable[[Outputs], int | None],
    fixed_class_names: tuple[str, ...] | None = None,
) -> MediaPipePackage:
    """Open the package in `directory`.

    Args:
        directory: holds the model file, and class_names.txt unless the names are in the model file or fixed.
        kind: of the task.
        device: what the user asked for.
        options: of MediaPipe's task, as most calls will use them.
        check_outputs: returns how many classes the shapes of the outputs speak of, None when they do not; raises
            ValueError with what is wrong with them for this task.
        fixed_class_names: the classes, where the task has the same ones always.

    Raises:
        CorruptedModelPackageError: a file is missing, damaged, of another task or contradicts another.
        DeviceUnavailableError: a device other than the CPU was asked for.
        MissingDependencyError: MediaPipe cannot be imported or started.
    """
    if device not in (None, "cpu"):
        raise DeviceUnavailableError(
            f"MediaPipe runs on the CPU only here, and device={device!r} was asked for. Leave device= out."
        )
    path = find_model_file(Path(directory))
    content = read_model_file(path)
    tasks = ModelTasks(kind, path, content, options)
    try:
        contents = parse_contents(path, content)
        class_count = _check_outputs(path, kind, contents, check_outputs)
        names = _class_names(Path(directory) / CLASS_NAMES, path, contents.labels, fixed_class_names)
        if class_count not in (None, len(names)):
            raise CorruptedModelPackageError(
                f"{path} tells {class_count} classes apart, and {len(names)} are named. Correct {CLASS_NAMES}."
            )
    except BaseException:
        tasks.close()
        raise
    return MediaPipePackage(tasks, names, contents.labels is not None)


def _check_outputs(
    path: Path, kind: TaskKind, contents: ModelContents, check: Callable[[Outputs], int | None]
) -> int | None:
    try:
        return check(contents.outputs)
    except ValueError as error:
        raise CorruptedModelPackageError(
            f"{path} cannot be used for {kind.name}: {error}. Check that the package's file and model_architecture "
            f"belong together."
        ) from None


def _class_names(
    file: Path, model_file: Path, labels: tuple[str, ...] | None, fixed: tuple[str, ...] | None
) -> tuple[str, ...]:
    if not file.exists() and (labels or fixed):
        return labels or fixed or ()
    names = parse_class_names(file)
    if labels is not None and names != labels:
        raise CorruptedModelPackageError(
            f"{file} and the labels in {model_file.name} are not the same: {_difference(names, labels)}. Correct the "
            f"file, or remove it to use the labels."
        )
    if fixed is not None and len(names) != len(fixed):
        raise CorruptedModelPackageError(f"{file} must hold one name, found {len(names)}. Correct the file.")
    return names


def _difference(names: tuple[str, ...], labels: tuple[str, ...]) -> str:
    if len(names) != len(labels):
        return f"{len(names)} names, {len(labels)} labels"
    line = next(line for line, (name, label) in enumerate(zip(names, labels, strict=True)) if name != label)
    return f"line {line + 1} is {names[line]!r}, the label {labels[line]!r}"
