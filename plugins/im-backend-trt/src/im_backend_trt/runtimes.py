"""The three runtimes of TensorRT, and which of them runs an engine.

An engine runs on the version that built it. One that was built to be version-compatible also runs on later ones: it is
executed by a "lean" runtime, which either is installed or travels inside the engine, as code of the engine's author.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from im_backend_trt.versions import agree, parse_version
from inference_models.developer_tools import TRTPackageDetails

KINDS: Mapping[str, str] = {"full": "tensorrt", "lean": "tensorrt_lean", "dispatch": "tensorrt_dispatch"}
"""The import package of each runtime, the one that runs most first."""

HOST_CODE_OPTION = "trt_engine_host_code_allowed"


@frozen
class Runtime:
    """An installed runtime: "full", "lean" or "dispatch", with its version."""

    kind: str
    version: str


def choose_runtime(
    details: TRTPackageDetails | None, runtimes: Mapping[str, str], *, host_code_allowed: bool
) -> Runtime | str:
    """Return the runtime to run an engine with, or why none of the installed ones can.

    Args:
        details: what the engine was built for; None: not known, so the loading decides.
        runtimes: the versions of the installed ones, by kind.
        host_code_allowed: whether code that travels inside the engine may run.
    """
    details = details or TRTPackageDetails()
    # The installed lean runtime runs a version-compatible engine without the code inside it.
    order = ("lean", "full", "dispatch") if details.trt_forward_compatible else tuple(KINDS)
    reasons = []
    for kind in order:
        if kind in runtimes:
            reason = _why_not(Runtime(kind, runtimes[kind]), details, host_code_allowed)
            if reason is None:
                return Runtime(kind, runtimes[kind])
            reasons.append(reason)
    return "; ".join(reasons) or "no TensorRT is installed"


def _why_not(runtime: Runtime, details: TRTPackageDetails, host_code_allowed: bool) -> str | None:
    built, installed = parse_version(details.trt_version), parse_version(runtime.version)
    name = KINDS[runtime.kind]
    if not details.trt_forward_compatible:
        if runtime.kind != "full":
            return f"it needs the full TensorRT: {name} runs version-compatible engines only"
        if built and installed and not agree(built, installed):
            return (
                f"it was built with TensorRT {details.trt_version} and runs on no other; {runtime.version} is installed"
            )
        return None
    if built and installed and not agree(built, installed) and installed < built:
        return f"it was built with TensorRT {details.trt_version} and runs on later ones; {name} is {runtime.version}"
    if runtime.kind == "lean":
        return None
    if details.trt_lean_runtime_excluded:
        return f"it does not bring the lean runtime that it needs with {name}: install tensorrt-lean"
    if not host_code_allowed:
        return (
            f"with {name} it runs a runtime that it brings, which is code of its author: {HOST_CODE_OPTION}=True "
            f"permits it, and with tensorrt-lean there is no need to"
        )
    return None
