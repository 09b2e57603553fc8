"""The group of commands, and what they share: how errors are shown and how the process ends."""

from __future__ import annotations

import logging
import sys
from typing import Any

import click

from inference_models._version import __version__
from inference_models.cli.bundle import bundle
from inference_models.cli.cache import cache
from inference_models.cli.compile import compile_
from inference_models.cli.describe import describe
from inference_models.cli.doctor import doctor
from inference_models.cli.download import download
from inference_models.cli.explain import explain
from inference_models.cli.new import new
from inference_models.cli.plugins import plugins
from inference_models.cli.predict import predict
from inference_models.errors import BaseInferenceModelsError

_INTERRUPTED = 130  # what a shell reports for a process that Ctrl-C ended


class _Application(click.Group):
    """Turns expected errors into a message on stderr and exit code 1. Others are bugs and keep their traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BaseInferenceModelsError as error:
            _show(error, with_traceback=ctx.params["debug"])
            ctx.exit(1)
        except KeyboardInterrupt:
            click.echo("Interrupted.", err=True)
            ctx.exit(_INTERRUPTED)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)  # in the order in which one meets them, not by the alphabet


@click.group(
    cls=_Application,
    commands=[predict, describe, explain, download, compile_, cache, bundle, plugins, new, doctor],
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option("--debug", is_flag=True, help="Show tracebacks and what the library logs.")
@click.version_option(__version__, message="im %(version)s")
@click.pass_context
def im(ctx: click.Context, debug: bool) -> None:
    """Load computer-vision models on the best backend this machine has, and run them."""
    _log_to_stderr(ctx, logging.INFO if debug else logging.WARNING)


def main() -> None:
    """Run the command line and end the process: 0 it worked, 1 it failed, 2 it was not understood."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # A class name or a path that the terminal's encoding lacks is shown escaped; printing must not fail.
            stream.reconfigure(errors="backslashreplace")
    im(prog_name="im")


def _show(error: BaseInferenceModelsError, *, with_traceback: bool) -> None:
    from inference_models.describe.tables import visible

    if with_traceback:
        import traceback

        click.echo("".join(traceback.format_exception(error)), err=True)
    click.echo(f"Error: {visible(error.message)}", err=True)
    click.echo(f"help: {error.help_url}", err=True)


def _log_to_stderr(ctx: click.Context, level: int) -> None:
    root = logging.getLogger()
    before = root.level
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
    root.addHandler(handler)
    # INFO at most: at DEBUG, HTTP libraries log addresses with the keys in them.
    root.setLevel(level)

    @ctx.call_on_close
    def _stop_logging() -> None:
        root.removeHandler(handler)
        root.setLevel(before)
