"""What this machine can run, and for the rest why not. Facts are gathered on first use, nothing heavy is imported."""

from __future__ import annotations

from inference_models.environment.cpus import available_cpus
from inference_models.environment.gpus import Gpu, GpuScan
from inference_models.environment.host import Host
from inference_models.environment.jetson import Jetson
from inference_models.environment.libraries import Library, LibraryScan
from inference_models.environment.probe import BackendStatus
from inference_models.environment.report import Environment, current_environment, refresh_environment

x_ray_runtime_environment = current_environment
"""The name under which plugin authors know `current_environment`."""

__all__ = [
    "BackendStatus",
    "Environment",
    "Gpu",
    "GpuScan",
    "Host",
    "Jetson",
    "Library",
    "LibraryScan",
    "available_cpus",
    "current_environment",
    "refresh_environment",
    "x_ray_runtime_environment",
]
