"""Threads on the CPU. Their number is a setting of the whole process, so nothing here changes it."""

from __future__ import annotations

import logging
from typing import Any

from inference_models.developer_tools import available_cpus

logger = logging.getLogger(__name__)
_warned: set[int] = set()


def warn_about_threads(torch: Any, device: str) -> None:
    """Say once when torch uses more threads than this process may use CPUs: it counts neither quotas nor containers."""
    threads, cpus = torch.get_num_threads(), available_cpus()
    if device == "cpu" and threads > cpus and threads not in _warned:
        _warned.add(threads)
        logger.warning(
            "torch uses %d threads, and this process may use %d CPUs, so they wait for each other. Set "
            "OMP_NUM_THREADS=%d before the program starts, or call torch.set_num_threads(%d)",
            *(threads, cpus, cpus, cpus),
        )
