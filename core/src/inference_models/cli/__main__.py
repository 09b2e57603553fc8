"""`python -m inference_models.cli` does what `im` does."""

from __future__ import annotations

from inference_models.cli import main

main()
