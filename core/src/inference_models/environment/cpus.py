"""How many CPUs this process may really use: affinity and container quotas, not what the machine has."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path, PurePosixPath

from attrs import frozen


def available_cpus(root: Path = Path("/")) -> int:
    """Return how many CPUs this process may use at once, at least 1.

    The smallest of: the CPUs of the machine, the CPUs in the process's affinity mask, and the CPU quota of
    its control group and of the groups above it (version 1 or 2), where a part of a CPU counts as one.

    Args:
        root: where `proc` and `sys` are looked for; another than "/" is for tests.
    """
    counts = [os.cpu_count() or 1]
    if hasattr(os, "sched_getaffinity"):
        counts.append(len(os.sched_getaffinity(0)))
    quota = _quota_in(root, minute=int(time.monotonic() // 60))
    if quota is not None:
        counts.append(math.ceil(quota))
    return max(1, min(counts))


@lru_cache(maxsize=1)
def _quota_in(root: Path, minute: int) -> float | None:
    """Read the quota at most once a minute: it seldom changes, and every model that is loaded asks for it."""
    return cpu_quota(root)


def cpu_quota(root: Path = Path("/")) -> float | None:
    """Return the CPU time per second that this process's control groups grant it, None without a limit."""
    quotas = [quota for group in _control_groups(root) if (quota := group.quota()) is not None]
    return min(quotas, default=None)


@frozen
class _ControlGroup:
    """A directory of the control group file system, version 1 or 2."""

    directory: Path
    version: int

    def quota(self) -> float | None:
        """Return CPU seconds per second, None when nothing limits it or nothing can be read."""
        try:
            if self.version == 2:
                # https://docs.kernel.org/admin-guide/cgroup-v2.html#cpu-interface-files: "$MAX $PERIOD"
                maximum, period = (self.directory / "cpu.max").read_text().split()
            else:
                # https://docs.kernel.org/scheduler/sched-bwc.html: microseconds per period, -1 is no limit
                maximum = (self.directory / "cpu.cfs_quota_us").read_text()
                period = (self.directory / "cpu.cfs_period_us").read_text()
            limit = int(maximum) / int(period)  # "max" is no number: no limit
        except (OSError, ValueError, ZeroDivisionError):
            return None
        return limit if limit > 0 else None


def _control_groups(root: Path) -> Iterator[_ControlGroup]:
    """Yield the CPU control groups of this process, each with all groups above it that are visible."""
    try:
        memberships = (root / "proc/self/cgroup").read_text().splitlines()
        mounts = (root / "proc/self/mountinfo").read_text().splitlines()
    except (OSError, UnicodeDecodeError):  # not Linux, or /proc is hidden: there is no quota to read
        return
    for line in memberships:
        # man 7 cgroups: "hierarchy-ID:controllers:path"; version 2 has no controllers
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        version = 1 if controllers else 2
        if version == 1 and "cpu" not in controllers.split(","):
            continue
        for mount_point, visible_root in _mounts(mounts, version):
            yield from _with_parents(root, mount_point, visible_root, path, version)


def _mounts(lines: list[str], version: int) -> Iterator[tuple[str, str]]:
    """Yield (mount point, the group that is its root) of the mounts that show CPU control groups."""
    for line in lines:
        # man 5 proc: "id parent major:minor root mount-point options [optional ...] - type source super-options"
        front, separator, back = line.partition(" - ")
        fields, kinds = front.split(), back.split()
        if not separator or len(fields) < 5 or len(kinds) < 3:
            continue
        if (version == 2 and kinds[0] == "cgroup2") or (
            version == 1 and kinds[0] == "cgroup" and "cpu" in kinds[2].split(",")
        ):
            yield fields[4], fields[3]


def _with_parents(root: Path, mount_point: str, visible_root: str, path: str, version: int) -> Iterator[_ControlGroup]:
    top = root / mount_point.lstrip("/")
    try:
        inside = PurePosixPath(path).relative_to(visible_root)
    except ValueError:  # the container sees its own group at the mount point, under another name
        inside = PurePosixPath()
    if ".." in inside.parts:  # the group lies outside what this mount shows
        inside = PurePosixPath()
    yield _ControlGroup(top, version)
    for depth in range(1, len(inside.parts) + 1):
        yield _ControlGroup(top.joinpath(*inside.parts[:depth]), version)
