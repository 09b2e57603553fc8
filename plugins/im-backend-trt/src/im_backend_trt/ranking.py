"""Which of two engines that can both run here is the better one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from im_backend_trt.gpus import matching_gpus
from im_backend_trt.versions import parse_version
from inference_models.developer_tools import TRTPackageDetails

if TYPE_CHECKING:
    from inference_models.developer_tools import Environment, ModelPackageMetadata, Request


def rank(package: ModelPackageMetadata, environment: Environment, request: Request) -> tuple[Any, ...]:
    """Return a key, smaller is better.

    What was built for exactly this machine comes before what is compatible with more: an engine pays for that with
    speed. Then: more GPUs of this machine that it runs on; older CUDA and TensorRT, which ask less of the machine; the
    wider range of batch sizes; the lean runtime included; the same Jetson module, operating system, Jetson Linux and
    driver. A package that says nothing about itself comes last.
    """
    details = package.backend_details
    if not isinstance(details, TRTPackageDetails):
        return (True,)
    jetson = environment.jetson
    smallest, largest = package.min_dynamic_batch_size or 1, package.max_dynamic_batch_size
    return (
        False,
        details.trt_forward_compatible,
        details.same_cc_compatible,
        -len(matching_gpus(details, environment)),
        parse_version(details.cuda_version) or None,
        parse_version(details.trt_version) or None,
        0 if largest is None else smallest - largest,
        details.trt_lean_runtime_excluded,
        jetson is None or details.jetson_module != jetson.module,
        details.os_version != os_slug(environment.host.os),
        jetson is None or details.l4t_version != jetson.l4t_version,
        details.driver_version != environment.gpu_scan.driver_version,
    )


def os_slug(name: str) -> str:
    """Return an operating system as packages write it: "ubuntu-22.04" for "Ubuntu 22.04.4 LTS"."""
    version = re.search(r"\d+(?:\.\d+)?", name)
    return "-".join([*name.lower().split()[:1], *([version[0]] if version else [])])
