"""How many threads one run of a network may use, and how long they wait for more work before they sleep."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Any

from inference_models import InvalidParameterError
from inference_models.developer_tools import available_cpus

# Longer than from one operator of a network to the next, shorter than from one run to the next. Left alone, the threads
# spin for tens of milliseconds after each run, on the CPUs of whoever works then. Releases of ONNX Runtime before 1.26
# do not know the setting and ignore it.
_SPIN_MICROSECONDS = 200


def set_threads(settings: Any, requested: object) -> None:
    """Set the threads of a session in its `onnxruntime.SessionOptions`.

    Args:
        settings: is changed.
        requested: the value of `onnx_threads=`, None for the default.

    Raises:
        InvalidParameterError: it is not a whole number of at least 1.
    """
    settings.intra_op_num_threads = choose_threads(requested)
    settings.add_session_config_entry("session.intra_op.spin_duration_us", str(_SPIN_MICROSECONDS))


def choose_threads(requested: object, root: Path = Path("/")) -> int:
    """Return the number of threads for the operators of one run.

    Default: the CPUs that this process may use (container quota, affinity), at most one per physical core.
    ONNX Runtime's own default is one per core of the machine, which stalls a container with a smaller quota;
    hyper-threads of one core share its arithmetic units, so counting them makes convolutions slower.

    Args:
        requested: the value of `onnx_threads=`, None for the default.
        root: where `sys` is looked for; another than "/" is for tests.

    Raises:
        InvalidParameterError: it is not a whole number of at least 1.
    """
    check_threads(requested)
    if not isinstance(requested, int):
        cpus = available_cpus()
        affinity = frozenset(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else frozenset()
        return min(cpus, _physical_cores(affinity, root) or cpus)
    return requested


def check_threads(requested: object) -> None:
    """Raise InvalidParameterError unless it is None or a whole number of at least 1."""
    if requested is None:
        return
    if not isinstance(requested, int) or isinstance(requested, bool) or requested < 1:
        raise InvalidParameterError(f"onnx_threads= takes a whole number of at least 1, not {requested!r}.")


@cache  # which CPUs share a core does not change while a process runs; which of them it may use does
def _physical_cores(cpus: frozenset[int], root: Path) -> int | None:
    """Return how many physical cores these CPUs belong to; None when the system does not say."""
    cores = set()
    for cpu in cpus:
        # https://docs.kernel.org/admin-guide/cputopology.html: the CPUs of one core, the same text in each
        file = root / f"sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list"
        try:
            cores.add(file.read_text().strip())
        except OSError:
            return None
    return len(cores) or None
