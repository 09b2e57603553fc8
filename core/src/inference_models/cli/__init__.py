"""The command `im`: one file per command. Data goes to stdout, everything else to stderr.

Importing this costs click and nothing more; a command imports what it needs when it runs.
"""

from __future__ import annotations

from inference_models.cli.application import main

__all__ = ["main"]
