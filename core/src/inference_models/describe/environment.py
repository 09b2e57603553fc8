"""The runtime report as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inference_models.catalog import install_hint
from inference_models.describe.tables import in_words, open_console, print_facts, print_table, visible
from inference_models.entities import BackendType

if TYPE_CHECKING:
    from rich.console import Console

    from inference_models.environment import BackendStatus, Environment, Gpu


def print_environment(environment: Environment, console: Console | None = None) -> None:
    """Print what a machine can run, and for the rest why not and how to mend it.

    Args:
        environment: what was found out. Facts not yet looked up are looked up now.
        console: where to print; default: stdout.
    """
    console = open_console(console)
    print_facts(console, "Machine", _machine(environment))
    console.print()
    statuses = list(environment.backends.values())
    if statuses:
        rows = [(one.name, _availability(one), one.priority, one.distribution, _facts(one)) for one in statuses]
        columns = ("backend", "status", ">priority", "declared by", "details")
        if not any(one.facts for one in statuses):
            columns, rows = columns[:-1], [row[:-1] for row in rows]  # type: ignore[assignment,misc]
        print_table(console, "Backends", columns, rows)
    else:
        console.print("No installed plugin declares a backend, so no model can run.")
    for line in _missing_backends({status.name for status in statuses}):
        console.print(line, soft_wrap=True)
    console.print()
    print_table(console, "Installed", ("distribution", "version"), environment.installed.items())


def _machine(environment: Environment) -> dict[str, object]:
    host, scan, jetson = environment.host, environment.gpu_scan, environment.jetson
    return {
        "operating system": host.os,
        "processor": f"{host.machine}, {host.available_cpus} of {host.cpus} CPUs usable",
        "memory": None if host.memory_bytes is None else _gibibytes(host.memory_bytes),
        "Python": host.python,
        "Jetson": "no" if jetson is None else _jetson(jetson.module, jetson.model, jetson.l4t_version),
        "GPUs": "\n".join(map(_gpu, scan.gpus)) or f"none: {visible(scan.problem or 'nothing was found')}",
        "GPU note": scan.problem if scan.gpus else None,
        "NVIDIA driver": scan.driver_version,
        "CUDA up to": scan.cuda_version,
    }


def _jetson(module: str | None, model: str | None, l4t_version: str | None) -> str:
    named = model or module or "unknown module"
    return f"{named}, Jetson Linux {l4t_version or 'of unknown version'}"


def _gpu(gpu: Gpu) -> str:
    parts = [f"cuda:{gpu.index} {gpu.name}"]
    if gpu.memory_bytes is not None:
        parts.append(_gibibytes(gpu.memory_bytes))
    if gpu.compute_capability is not None:
        parts.append(f"compute capability {gpu.compute_capability}")
    return ", ".join(parts)


def _availability(status: BackendStatus) -> str:
    if status.available:
        return "available"
    fix = f"\nTo fix it: {status.fix}" if status.fix else ""
    return f"unavailable: {status.reason or 'its plugin does not say why'}{fix}"


def _facts(status: BackendStatus) -> str:
    return in_words({name: value for name, value in status.facts.items() if value not in (None, "", (), [], {})})


def _missing_backends(declared: set[str]) -> list[str]:
    """Say how to get the well-known backends that no installed plugin declares, where that is known."""
    hints = {str(name): install_hint("backends", name) for name in BackendType if name not in declared}
    return [f"Backend {name!r} is not installed.{hint}" for name, hint in hints.items() if hint]


def _gibibytes(count: int) -> str:
    return f"{count / 2**30:.1f} GiB"
