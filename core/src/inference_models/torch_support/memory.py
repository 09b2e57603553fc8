"""Running out of memory: how much was needed, and how much was free."""

from __future__ import annotations

import os
import re
from typing import Any

# As torch's allocators write it: of CUDA and of Apple's GPUs, and of the CPU, whose number is in bytes.
_NEEDED = re.compile(r"[Tt]ried to allocate ([\d.]+) ?([KMGT]i?B|bytes)")
_IS_IT = re.compile(r"out of memory|can't allocate memory|not enough memory", re.IGNORECASE)
_ADVICE = "Run fewer images at once, close other models and programs that use it, or choose another device."


def explain_out_of_memory(torch: Any, error: BaseException, device: str) -> str | None:
    """Return what an error says about memory and what to do about it; None when it is about something else.

    Args:
        torch: the module.
        error: what it, or the system below it, raised.
        device: where that happened, as torch names it.
    """
    text = str(error)
    if not _IS_IT.search(text):
        return None
    match = _NEEDED.search(text)
    needed = f"{device} has not enough memory" + (f" for another {_size(match[1], match[2])}" if match else "")
    free = _free(torch, device)
    return f"{needed}{f', and {free}' if free else ''}. {_ADVICE}"


def _size(number: str, unit: str) -> str:
    return _readable(int(float(number))) if unit == "bytes" else f"{number} {unit}"


def _free(torch: Any, device: str) -> str | None:
    if device.startswith("cuda"):
        free, total = torch.cuda.mem_get_info(device)
        return f"{_readable(free)} of {_readable(total)} are free"
    if device == "cpu" and "SC_AVPHYS_PAGES" in getattr(os, "sysconf_names", {}):  # not on Windows
        return f"{_readable(os.sysconf('SC_AVPHYS_PAGES') * os.sysconf('SC_PAGE_SIZE'))} are free"
    return None


def _readable(count: int) -> str:
    return f"{count / 2**30:.2f} GiB" if count >= 2**30 else f"{count / 2**20:.1f} MiB"
