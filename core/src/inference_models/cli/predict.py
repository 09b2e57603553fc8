"""`im predict`: run a model, or a pipeline of several, on pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from inference_models.cli.options import keep_given, loading_options, threshold
from inference_models.cli.output import json_option, report_progress, write_json
from inference_models.cli.running import Ask, Wanted, split_arguments

if TYPE_CHECKING:
    from inference_models.cli.drawing import Written

# So many images are in memory, and go through the model, at once: also a thousand large ones fit.
_BATCH = 4


@click.command()
@click.argument("model", metavar="MODEL", required=False)
@click.argument("images", metavar="IMAGE...", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Write a copy of each image with the predictions drawn in, as PNG, and print its path.",
)
@json_option
@click.option("--confidence", type=threshold, metavar="NUMBER", help="Report what is at least this certain, 0 to 1.")
@click.option("--iou-threshold", type=float, metavar="NUMBER", help="Boxes that overlap more are one, 0 to 1.")
@click.option("--prompt", metavar="TEXT", help="Ask the model this about each image; with --task, what the task needs.")
@click.option("--task", metavar="NAME", help="Have the model do this of what it can do; an unknown one lists them.")
@click.option("--pipeline", metavar="ID", help="Run this pipeline of several models; MODEL is left out then.")
@click.option(
    "--model",
    "models",
    multiple=True,
    metavar="MODEL",
    help="A model of the pipeline. Repeat it, one for each place, - for the default; leave it out for all defaults.",
)
@loading_options
@click.option(
    "--allow-local-code-packages",
    is_flag=True,
    help="Let a directory that brings Python code of its own (model_module) run it.",
)
def predict(  # noqa: PLR0917 (click passes all of them by name)
    model: str | None,
    images: tuple[Path, ...],
    output: Path | None,
    as_json: bool,
    confidence: float | str | None,
    iou_threshold: float | None,
    prompt: str | None,
    task: str | None,
    pipeline: str | None,
    models: tuple[str, ...],
    **loading: Any,
) -> None:
    """Print what MODEL finds in each IMAGE.

    MODEL is an id (demo://shapes, provider://model-id) or a directory (./my-model). With --pipeline ID, IMAGE... is
    all that follows.
    """
    from inference_models.cli.drawing import Drawings

    model, images = split_arguments(model, images, pipeline)
    given = {"confidence": confidence, "iou_threshold": iou_threshold}
    parameters = {name: value for name, value in given.items() if value is not None}
    wanted = Wanted(model, pipeline, models, prompt, task, parameters)
    wanted.check(loading)
    drawings = None if output is None else Drawings.prepare(output, images)
    rows = []
    with ExitStack() as stack:
        report_progress(f"Loading {wanted.title}")
        loaded = wanted.load(keep_given(loading))
        if callable(close := getattr(loaded, "close", None)):
            stack.callback(close)
        for path, image, prediction in _predict(wanted.question(loaded), images):
            written = None if drawings is None else drawings.write(path, image, prediction)
            if as_json:
                rows.append(_as_row(path, image, prediction, written))
            else:
                _print(path, image, prediction, written)
    if as_json:
        write_json({"model": model, "pipeline": pipeline, "predictions": rows})


def _predict(ask: Ask, paths: Sequence[Path]) -> Iterator[tuple[Path, Any, Any]]:
    """Yield each path with its image and what the model says about it."""
    from inference_models.vision import load_image

    for start in range(0, len(paths), _BATCH):
        batch = paths[start : start + _BATCH]
        report_progress(f"Predicting {start + 1} to {start + len(batch)} of {len(paths)}")
        images = [load_image(path) for path in batch]
        yield from zip(batch, images, _by_image(ask(images), len(batch)), strict=True)


def _by_image(results: Any, count: int) -> list[Any]:
    """Return a batch's results image by image: models give lists, one object with rows, or a tuple of such or None."""
    if results is None:
        return [None] * count
    if isinstance(results, tuple):
        return list(zip(*(_by_image(part, count) for part in results), strict=True))
    return [results[index] for index in range(count)]


def _as_row(path: Path, image: Any, prediction: Any, written: Written | None) -> dict[str, Any]:
    from inference_models.cli.as_json import describe_prediction

    height, width = image.shape[:2]
    values = None if written is None else written.values
    kind, described = describe_prediction(prediction, values)
    return {
        "image": str(path),
        "width": width,
        "height": height,
        "annotated": None if written is None else str(written.drawn),
        "type": kind,
        "prediction": described,
    }


def _print(path: Path, image: Any, prediction: Any, written: Written | None) -> None:
    from inference_models.describe import as_text, open_console, print_prediction

    console = open_console()
    height, width = image.shape[:2]
    print_prediction(prediction, f"{path} ({width} x {height})", console)
    if written is not None:
        console.print(as_text(f"drawn: {written.drawn}"), soft_wrap=True)
        if written.values is not None:
            console.print(as_text(f"values: {written.values}"), soft_wrap=True)
    console.print()
