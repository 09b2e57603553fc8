"""When a package was last used: the modification time of its manifest.

Once a day is enough to know what may go first, and a cache that cannot be written to needs no such order.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from inference_models.store.layout import MANIFEST_NAME

__all__ = ["last_use", "record_use"]

_ONCE_PER_SECONDS = 24 * 60 * 60.0


def record_use(directory: Path) -> None:
    """Note that the package in `directory` is used now, unless that was noted within a day. Never fails."""
    manifest = directory / MANIFEST_NAME
    with suppress(OSError):
        # A time in the future, from a clock that was wrong, is corrected too.
        if abs(time.time() - manifest.stat().st_mtime) > _ONCE_PER_SECONDS:
            os.utime(manifest)


def last_use(directory: Path) -> datetime:
    """Return when the package in `directory` was last used, to the day. Raises: OSError."""
    return datetime.fromtimestamp((directory / MANIFEST_NAME).stat().st_mtime, UTC)
