from __future__ import annotations

import re

import pytest

from im_backend_trt.runtimes import Runtime, choose_runtime
from inference_models.developer_tools import TRTPackageDetails

EXACT = TRTPackageDetails(trt_version="10.12.0.36")
COMPATIBLE = TRTPackageDetails(trt_version="10.12.0.36", trt_forward_compatible=True)
BARE = TRTPackageDetails(trt_version="10.12.0.36", trt_forward_compatible=True, trt_lean_runtime_excluded=True)
ALL = {"full": "10.13.0.35", "lean": "10.13.0.35", "dispatch": "10.13.0.35"}


@pytest.mark.parametrize(
    ("details", "runtimes", "host_code", "expected"),
    [
        (EXACT, {"full": "10.12.0.36"}, False, "full"),
        (EXACT, {"full": "10.12.0"}, False, "full"),  # Debian's packages leave the build out
        (EXACT, {"full": "unknown"}, False, "full"),
        (None, {"full": "11.4.0.106"}, False, "full"),
        (COMPATIBLE, ALL, False, "lean"),
        (COMPATIBLE, {"lean": "10.12.0.36"}, False, "lean"),
        (COMPATIBLE, {"lean": "11.0.0.1"}, False, "lean"),
        (COMPATIBLE, {"full": "10.13.0.35"}, True, "full"),
        (COMPATIBLE, {"dispatch": "10.13.0.35"}, True, "dispatch"),
        (BARE, ALL, False, "lean"),
    ],
)
def test_what_runs_an_engine(details, runtimes: dict[str, str], host_code: bool, expected: str) -> None:
    chosen = choose_runtime(details, runtimes, host_code_allowed=host_code)
    assert chosen == Runtime(expected, runtimes[expected])


@pytest.mark.parametrize(
    ("details", "runtimes", "host_code", "said"),
    [
        (EXACT, {"full": "10.13.0.35"}, True, "runs on no other; 10.13.0.35 is installed"),
        (EXACT, {"full": "10.12.0.35"}, True, "runs on no other"),
        (EXACT, {"lean": "10.12.0.36"}, True, "tensorrt_lean runs version-compatible engines only"),
        (EXACT, {"full": "10.1", "lean": "10.12.0.36"}, True, "runs on no other.*; it needs the full TensorRT"),
        (COMPATIBLE, {"lean": "10.11.0.33"}, True, "runs on later ones; tensorrt_lean is 10.11.0.33"),
        (COMPATIBLE, {"full": "10.13.0.35"}, False, "trt_engine_host_code_allowed=True permits it"),
        (BARE, {"full": "10.13.0.35"}, True, "does not bring the lean runtime .* install tensorrt-lean"),
        (BARE, {"dispatch": "10.13.0.35"}, True, "does not bring the lean runtime"),
        (EXACT, {}, True, "no TensorRT is installed"),
    ],
)
def test_what_does_not(details, runtimes: dict[str, str], host_code: bool, said: str) -> None:
    reason = choose_runtime(details, runtimes, host_code_allowed=host_code)
    assert isinstance(reason, str)

    assert re.search(said, reason), reason
