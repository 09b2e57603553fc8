"""The runtime report: every fact about this machine that choosing and explaining need, each gathered on first use."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from attrs import asdict

from inference_models.catalog import Catalog, current_catalog
from inference_models.distributions import canonical_name, installed_version
from inference_models.environment.driver import scan_gpus
from inference_models.environment.gpus import Gpu, GpuScan, gpu_fingerprint
from inference_models.environment.host import DISTRIBUTION_METADATA, Host, describe_host, installed_runtimes
from inference_models.environment.jetson import Jetson, find_jetson
from inference_models.environment.libraries import Library, LibraryScan, scan_libraries
from inference_models.environment.probe import BackendStatus, probe
from inference_models.environment.requirements import unmet
from inference_models.errors import UnknownBackendTypeError, describe_choices
from inference_models.memo import Memo
from inference_models.policy import current_policy


class Environment:
    """What this machine can run. Every fact is looked up on first use and kept.

    Args:
        catalog: gives the catalog whose backends are asked; default: this process's own.
    """

    def __init__(self, catalog: Callable[[], Catalog] = current_catalog) -> None:
        self._catalog = catalog
        self._memo = Memo()
        self._given: Mapping[str, BackendStatus] | None = None

    @classmethod
    def from_facts(
        cls,
        *,
        backends: Iterable[BackendStatus] = (),
        gpus: Iterable[Gpu] = (),
        gpu_problem: str | None = None,
        driver_version: str | None = None,
        cuda_version: str | None = None,
        jetson: Jetson | None = None,
        host: Host | None = None,
        installed: Mapping[str, str] | None = None,
        libraries: Iterable[Library] = (),
    ) -> Environment:
        """Return an environment with these facts, for tests and for planning on behalf of another machine.

        Only the facts about the host are looked up here when they are not given.
        """
        environment = cls()
        environment._given = {canonical_name(status.name): status for status in backends}
        memo = environment._memo
        memo.get(
            "gpus",
            lambda: GpuScan(
                gpus=tuple(gpus), driver_version=driver_version, cuda_version=cuda_version, problem=gpu_problem
            ),
        )
        memo.get("gpu_fingerprint", lambda: (*(gpu.uuid or gpu.name for gpu in environment.gpus), "all"))
        memo.get("jetson", lambda: jetson)
        memo.get("installed", lambda: dict(installed or {}))
        memo.get("libraries", lambda: LibraryScan(libraries=tuple(libraries)))
        if host is not None:
            memo.get("host", lambda: host)
        return environment

    def backend(self, name: str) -> BackendStatus:
        """Return whether this machine can run a backend; its plugin is asked once per process.

        Raises:
            UnknownBackendTypeError: no plugin declares it.
        """
        key = canonical_name(name)
        if self._given is None:
            return self._memo.get(("backend", key), lambda: probe(self._catalog(), name))
        if key not in self._given:
            known = [status.name for status in self._given.values()]
            raise UnknownBackendTypeError(f"Unknown backend {name!r}. {describe_choices(name, known)}")
        return self._given[key]

    @property
    def backends(self) -> Mapping[str, BackendStatus]:
        """All backends by name, the most preferred first. Asks every backend's plugin."""
        if self._given is None:
            names = {canonical_name(row.spec.name): row.spec.name for row in self._catalog().backends()}
            statuses = [self.backend(name) for name in names.values()]
        else:
            statuses = list(self._given.values())
        statuses.sort(key=lambda status: (-status.priority, status.name))
        return MappingProxyType({status.name: status for status in statuses})

    @property
    def gpus(self) -> tuple[Gpu, ...]:
        """The NVIDIA GPUs that this process can use; `gpu_problem` says why there are none."""
        return self.gpu_scan.gpus

    @property
    def gpu_problem(self) -> str | None:
        """Why there is no GPU, or why little is known about those there are."""
        return self.gpu_scan.problem

    @property
    def gpu_scan(self) -> GpuScan:
        """The GPUs with the driver's version and the newest CUDA that it supports."""
        return self._memo.get("gpus", scan_gpus)

    @property
    def libraries(self) -> tuple[Library, ...]:
        """What is installed of CUDA, cuDNN, TensorRT and the frameworks, and where that was read."""
        return self.library_scan.libraries

    @property
    def library_scan(self) -> LibraryScan:
        """The libraries, or why they are not known."""
        return self._memo.get("libraries", scan_libraries)

    @property
    def gpu_fingerprint(self) -> tuple[str, ...]:
        """What changes when other GPUs are there or visible. Unlike `gpus`, found out at once."""
        return self._memo.get("gpu_fingerprint", gpu_fingerprint)

    @property
    def jetson(self) -> Jetson | None:
        """The Jetson module that this is; None on any other machine."""
        return self._memo.get("jetson", find_jetson)

    @property
    def host(self) -> Host:
        """The operating system, processor, memory and Python."""
        return self._memo.get("host", describe_host)

    @property
    def installed(self) -> Mapping[str, str]:
        """Versions of the well-known runtimes that are installed, by distribution, from their metadata."""
        return self._memo.get("installed", installed_runtimes)

    def unmet(self, requirement: str) -> str | None:
        """Return why a requirement such as "transformers>=5.5" is not met here, with what mends it; None when it is."""
        return unmet(requirement, self._version)

    def _version(self, distribution: str) -> str | None:
        if self._given is not None:
            versions = {canonical_name(name): version for name, version in self.installed.items()}
            return versions.get(canonical_name(distribution))
        return self._memo.get(("version", canonical_name(distribution)), lambda: installed_version(distribution))

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values that JSON can hold. Asks every backend's plugin."""
        from inference_models.predictions.plain import to_plain

        report = {
            "host": asdict(self.host),
            "gpus": [asdict(gpu) for gpu in self.gpus],
            "gpu_problem": self.gpu_problem,
            "driver_version": self.gpu_scan.driver_version,
            "cuda_version": self.gpu_scan.cuda_version,
            "gpu_sources": dict(self.gpu_scan.sources),
            "jetson": None if self.jetson is None else asdict(self.jetson),
            "libraries": [asdict(library) for library in self.libraries],
            "library_problem": self.library_scan.problem,
            "backends": {name: status.to_dict() for name, status in self.backends.items()},
            "installed": dict(self.installed),
            "installed_source": DISTRIBUTION_METADATA,
        }
        plain: dict[str, Any] = to_plain(report)
        return plain


_environments = Memo()


def current_environment() -> Environment:
    """Return this process's environment. Nothing is probed before it is asked for."""
    return _environments.get(current_policy().fingerprint, Environment)


def refresh_environment() -> None:
    """Forget what was found; the next use looks again. For notebooks, tests and processes that outlive a change."""
    _environments.clear()
