"""The runtime report as tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from inference_models.catalog import install_hint
from inference_models.describe.tables import in_words, open_console, print_table, visible
from inference_models.entities import BackendType
from inference_models.environment.host import DISTRIBUTION_METADATA

if TYPE_CHECKING:
    from rich.console import Console

    from inference_models.environment import BackendStatus, Environment, Gpu, Jetson


def print_environment(environment: Environment, console: Console | None = None) -> None:
    """Print what a machine can run, and for the rest why not and how to mend it.

    Args:
        environment: what was found out. Facts not yet looked up are looked up now.
        console: where to print; default: stdout.
    """
    console = open_console(console)
    machine = [row for row in _machine(environment) if row[1] is not None]
    _print_filled(console, "Machine", ("fact", "value", "read from"), machine)
    console.print()
    statuses = list(environment.backends.values())
    if statuses:
        rows = [(one.name, _availability(one), one.priority, one.distribution, _facts(one)) for one in statuses]
        _print_filled(console, "Backends", ("backend", "status", ">priority", "declared by", "details"), rows)
    else:
        console.print("No installed plugin declares a backend, so no model can run.")
    for line in _missing_backends({status.name for status in statuses}):
        console.print(line, soft_wrap=True)
    console.print()
    _print_filled(console, "Installed", ("name", "version", "details", "read from"), list(_installed(environment)))
    if environment.library_scan.problem:
        console.print(f"Libraries are not known: {visible(environment.library_scan.problem)}", soft_wrap=True)


def _print_filled(console: Console, title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table without the columns in which there is nothing; no table when there is no row."""
    filled = [index for index in range(len(columns)) if any(row[index] != "" for row in rows)]
    if filled:
        cells = [[row[index] for index in filled] for row in rows]
        print_table(console, title, [columns[index] for index in filled], cells)


def _machine(environment: Environment) -> Iterator[tuple[str, str | None, str]]:
    """Yield (fact, value, where it was read); a value of None is not known."""
    host, scan, jetson = environment.host, environment.gpu_scan, environment.jetson
    read = host.sources.get
    yield "operating system", host.os, read("os", "")
    processor = ", ".join(filter(None, (host.processor, host.machine)))
    yield "processor", processor, read("processor", read("machine", ""))
    yield "CPUs", f"{host.available_cpus} of {host.cpus} usable", read("available_cpus", "")
    yield "memory", None if host.memory_bytes is None else _gibibytes(host.memory_bytes), read("memory_bytes", "")
    yield "Python", host.python, read("python", "")
    yield from _jetson(jetson)
    gpus = "\n".join(map(_gpu, scan.gpus)) or f"none: {visible(scan.problem or 'nothing was found')}"
    yield "GPUs", gpus, scan.sources.get("gpus", "")
    yield "GPU note", scan.problem if scan.gpus else None, ""
    yield "NVIDIA driver", scan.driver_version, scan.sources.get("driver_version", "")
    yield "CUDA up to", scan.cuda_version, scan.sources.get("cuda_version", "")


def _jetson(jetson: Jetson | None) -> Iterator[tuple[str, str, str]]:
    if jetson is None:
        yield "Jetson", "no", ""
        return
    read = jetson.sources.get
    yield "Jetson", jetson.model or jetson.module or "unknown module", read("model", read("module", ""))
    yield "Jetson Linux", jetson.l4t_version or "of unknown version", read("l4t_version", "")


def _installed(environment: Environment) -> Iterator[tuple[str, str, str, str]]:
    """Yield (name, version, details, where it was read): libraries first, then other distributions."""
    seen = set()
    for library in environment.libraries:
        seen.add(f"{DISTRIBUTION_METADATA} of {library.name}")
        seen.add(library.source)
        yield library.name, library.version, in_words(library.details), library.source
    for name, version in environment.installed.items():
        source = f"{DISTRIBUTION_METADATA} of {name}"
        if source not in seen:
            yield name, version, "", source


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
