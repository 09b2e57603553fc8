"""`im compile`: make a package of a model for another backend, on this machine."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from inference_models.cli.options import model_argument, provider_option
from inference_models.cli.output import json_option, write_json

if TYPE_CHECKING:
    from inference_models.compiling import CompileProgress

_TERMINATED = 143  # what a shell reports for a process that SIGTERM ended


def _parse_batch(ctx: click.Context, parameter: click.Parameter, text: str | None) -> tuple[int, int, int] | None:
    if text is None:
        return None
    try:
        sizes = [int(part) for part in text.split(",")]
    except ValueError:
        sizes = []
    if len(sizes) == 1:
        sizes *= 3
    if len(sizes) != 3 or not 1 <= sizes[0] <= sizes[1] <= sizes[2]:
        raise click.BadParameter(f"{text!r} is neither one number nor three rising ones such as 1,4,16.")
    return sizes[0], sizes[1], sizes[2]


@click.command("compile")
@model_argument
@click.option("--backend", required=True, metavar="NAME", help="The backend to make the package for.")
@provider_option
@click.option("--package", "package_id", metavar="ID", help="Make it from the package with this id.")
@click.option("--fp16", is_flag=True, help="Compute in half precision.")
@click.option(
    "--batch",
    "batch_size",
    callback=_parse_batch,
    metavar="MIN,OPT,MAX",
    help="Images per run: the fewest, the usual and the most; one number fixes it.",
)
@click.option("--device", metavar="NAME", help="Make it on and for this device: cuda, cuda:1.")
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Write it there instead of registering it in the cache. Must be new or empty.",
)
@click.option("--allow-untrusted-packages", is_flag=True, help="Also from one that its provider does not vouch for.")
@json_option
def compile_(model: str, as_json: bool, fp16: bool, **given: Any) -> None:
    """Make a package of MODEL for another backend.

    It is made on this machine, and its directory is printed. The next load of MODEL finds and ranks it, also without a
    network. A MODEL that is a directory, or the network in one, needs --output.
    """
    from inference_models.compiling import CompileOptions
    from inference_models.entities import Quantization
    from inference_models.loading.compilation import compile_model

    options = CompileOptions(
        device=given.pop("device"),
        quantization=Quantization.FP16 if fp16 else None,
        batch_size=given.pop("batch_size"),
    )
    with _ended_by_sigterm(), _shown_progress() as progress:
        made = compile_model(model, given.pop("backend"), options=options, progress=progress, **given)
    if not as_json:
        click.echo(str(made.directory))
        return
    write_json(
        {
            "model": model,
            "model_id": made.metadata.model_id,
            "provider": made.provider,
            "package_id": made.package.package_id,
            "backend": made.package.backend,
            "quantization": made.package.quantization,
            "batch_size": made.package.batch_summary,
            "made_from": made.made_from,
            "directory": str(made.directory),
        }
    )


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """Let SIGTERM end the program as Ctrl-C does, so that what was begun is removed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(_TERMINATED))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _shown_progress() -> Iterator[CompileProgress]:
    """Yield what shows progress on stderr: a bar on a terminal, else a line for each step."""
    if not sys.stderr.isatty():
        yield _Lines()
        return
    with ExitStack() as shown:
        yield _Bar(shown)


class _Bar:
    """One bar, from the first step on: before, the download shows its own."""

    def __init__(self, shown: ExitStack) -> None:
        self._shown = shown
        self._bars: Any = None
        self._task: Any = None

    def __call__(self, step: str, share: float | None = None, /) -> None:
        if self._bars is None:
            self._begin()
        total = None if share is None else 1.0
        self._bars.update(self._task, description=step, total=total, completed=share or 0.0)

    def _begin(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
        self._bars = self._shown.enter_context(Progress(*columns, console=Console(stderr=True)))
        self._task = self._bars.add_task("starting", total=None)


class _Lines:
    """One line for each step, for logs."""

    def __init__(self) -> None:
        self._step = ""

    def __call__(self, step: str, share: float | None = None, /) -> None:
        if step != self._step:
            self._step = step
            click.echo(f"{step} ...", err=True)
