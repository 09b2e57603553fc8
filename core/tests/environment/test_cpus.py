"""Control group files as recorded inside Docker, Kubernetes, systemd units and LXC, versions 1 and 2."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from inference_models.environment import available_cpus
from inference_models.environment.cpus import cpu_quota

# Docker and Kubernetes on a host with version 2: the container has a name space of its own.
V2_MOUNT = "1230 1218 0:28 / /sys/fs/cgroup ro,nosuid,nodev,noexec,relatime - cgroup2 cgroup rw,nsdelegate\n"
# Docker on a host with version 1: the mount shows only the container's own group, under the host's name for it.
V1_CONTAINER_CGROUP = "12:memory:/docker/3f4e\n4:cpu,cpuacct:/docker/3f4e\n1:name=systemd:/docker/3f4e\n"
V1_CONTAINER_MOUNT = (
    "902 901 0:33 /docker/3f4e /sys/fs/cgroup/cpu,cpuacct ro,nosuid - cgroup cgroup rw,cpu,cpuacct\n"
    "903 901 0:34 /docker/3f4e /sys/fs/cgroup/memory ro,nosuid - cgroup cgroup rw,memory\n"
)


@pytest.fixture
def machine(tmp_path: Path):
    """Return a function that writes files under a root: `machine({"proc/self/cgroup": "0::/"})`."""

    def write(files: dict[str, str]) -> Path:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path

    return write


@pytest.fixture(autouse=True)
def _sixty_four_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(64)), raising=False)


def v2(cpu_max: str) -> dict[str, str]:
    return {"proc/self/cgroup": "0::/\n", "proc/self/mountinfo": V2_MOUNT, "sys/fs/cgroup/cpu.max": cpu_max}


@pytest.mark.parametrize(
    ("cpu_max", "cpus"),
    [
        ("200000 100000\n", 2),
        ("150000 100000\n", 2),  # docker run --cpus 1.5
        ("50000 100000\n", 1),
        ("1000 100000\n", 1),
        ("max 100000\n", 64),
        ("9900000 100000\n", 64),  # a quota above what the machine has
        ("", 64),
        ("nonsense\n", 64),
        ("100000 0\n", 64),
    ],
)
def test_quota_of_version_2(machine, cpu_max: str, cpus: int) -> None:
    assert available_cpus(machine(v2(cpu_max))) == cpus


def test_the_strictest_group_above_counts(machine) -> None:
    # A systemd service in a slice: the slice has the quota, the service itself has none.
    root = machine(
        {
            "proc/self/cgroup": "0::/batch.slice/job-7.service\n",
            "proc/self/mountinfo": "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n",
            "sys/fs/cgroup/batch.slice/cpu.max": "300000 100000\n",
            "sys/fs/cgroup/batch.slice/job-7.service/cpu.max": "max 100000\n",
        }
    )

    assert available_cpus(root) == 3


@pytest.mark.parametrize(("quota", "cpus"), [("400000", 4), ("-1", 64), ("120000", 2), ("0", 64)])
def test_quota_of_version_1_in_a_container(machine, quota: str, cpus: int) -> None:
    root = machine(
        {
            "proc/self/cgroup": V1_CONTAINER_CGROUP,
            "proc/self/mountinfo": V1_CONTAINER_MOUNT,
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": f"{quota}\n",
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
            "sys/fs/cgroup/memory/cpu.cfs_quota_us": "100000\n",
        }
    )

    assert available_cpus(root) == cpus


def test_version_1_outside_a_container(machine) -> None:
    root = machine(
        {
            "proc/self/cgroup": "5:cpu,cpuacct:/user.slice/run-1.scope\n0::/user.slice\n",
            "proc/self/mountinfo": "33 25 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n",
            "sys/fs/cgroup/cpu,cpuacct/user.slice/run-1.scope/cpu.cfs_quota_us": "250000\n",
            "sys/fs/cgroup/cpu,cpuacct/user.slice/run-1.scope/cpu.cfs_period_us": "50000\n",
        }
    )

    assert cpu_quota(root) == 5.0
    assert available_cpus(root) == 5


def test_a_container_that_sees_the_host_s_name_of_its_group(machine) -> None:
    # `docker run --cgroupns=host`: the path is the host's, and what is mounted is another subtree.
    files = {**v2("200000 100000\n"), "proc/self/cgroup": "0::/../system.slice/docker-3f4e.scope\n"}

    assert available_cpus(machine(files)) == 2


def test_affinity_counts_when_it_is_the_strictest(machine, monkeypatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {3, 5, 7}, raising=False)

    assert available_cpus(machine(v2("800000 100000\n"))) == 3


def test_a_system_without_control_groups_or_affinity(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)

    assert available_cpus(tmp_path) == 64
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert available_cpus(tmp_path) == 1


def test_broken_listings_are_no_limit(machine) -> None:
    root = machine({"proc/self/cgroup": "garbage\n\n::\n", "proc/self/mountinfo": "1 2 3\n - \nx - cgroup2\n"})

    assert available_cpus(root) == 64


def test_this_very_machine_has_at_least_one() -> None:
    assert 1 <= available_cpus() <= 64
