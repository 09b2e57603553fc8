"""Negotiation over 10, 100 and 1,000 packages, against the time that is allowed for 1,000.

A third of the packages is usable and ranked by the ONNX plugin; the others are rejected by one filter or another.
`--profile` shows where the time goes.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial

from harness import Row, compare, print_table
from inference_models.catalog import current_catalog
from inference_models.developer_tools import Environment, FileDownloadSpecs, ModelMetadata, ONNXPackageDetails
from inference_models.environment import BackendStatus
from inference_models.metadata import ModelPackageMetadata
from inference_models.negotiation import Plan, make_request, negotiate

ROUNDS = 30
ALLOWED_SECONDS = {10: 0.001, 100: 0.006, 1000: 0.05}


def make_package(number: int) -> ModelPackageMetadata:
    """Return a package; every third can be used on a machine with ONNX Runtime for CPUs."""
    names = ("weights.onnx", "inference_config.json", "class_names.txt")
    files = [FileDownloadSpecs(f"https://example.com/{name}", name, "0" * 32, size=number) for name in names]
    details = ONNXPackageDetails(opset=11 + number % 9, incompatible_providers=("CoreMLExecutionProvider",))
    rejected: list[dict[str, object]] = [
        {},
        {"static_batch_size": 64},
        {"quantization": "int8"},
        {"trusted_source": False},
        {"backend": ("trt", "torch", "unheard-of")[number % 3]},
        {"model_features": {"nms_fused": {}}},
        {"backend_details": ONNXPackageDetails(opset=99)},
    ]
    fields: dict[str, object] = {
        "backend": "onnx",
        "quantization": "fp32",
        "trusted_source": True,
        "static_batch_size": 1 + number % 8,
        "backend_details": details,
        **(rejected[1 + number // 3 % 6] if number % 3 else {}),
    }
    return ModelPackageMetadata(f"package{number * 7919 % 10007}", package_artefacts=files, **fields)  # type: ignore[arg-type]


def make_environment() -> Environment:
    """Return a machine with ONNX Runtime for CPUs and nothing else, whatever this one has."""
    facts = {"version": "1.22.0", "execution_providers": ["CPUExecutionProvider"], "max_opset": 22}
    names = {row.spec.name for row in current_catalog().backends()} - {"onnx"}
    others = [BackendStatus(name=name, available=False, reason="it is not installed") for name in names]
    return Environment.from_facts(backends=[BackendStatus(name="onnx", facts=facts), *others])


def prepare(count: int) -> Callable[[], Plan]:
    """Return a function that negotiates over `count` packages of a YOLOv8 detector."""
    metadata = ModelMetadata("m", "yolov8", [make_package(number) for number in range(count)], "object-detection")
    return partial(negotiate, metadata, current_catalog(), make_environment(), make_request(batch_size=(1, 32)))


def seconds(function: Callable[[], object]) -> float:
    """Return how long one call takes."""
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def measure(rounds: int = ROUNDS) -> list[Row]:
    """Return a row for each number of packages."""
    rows = []
    for count, allowed in ALLOWED_SECONDS.items():
        run = prepare(count)
        plan = run()
        assert len(plan.verdicts) == count
        assert len(plan.candidates) == (count + 2) // 3, f"{len(plan.candidates)} of {count} are usable"
        samples = [seconds(run) for _ in range(rounds)]
        rows.append(compare(f"negotiate over {count} packages / allowed", samples, [allowed] * rounds, "ms", 1.0))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--profile", action="store_true", help="profile one negotiation over 1,000 packages")
    if not parser.parse_args().profile:
        print_table(measure())
        return
    import cProfile

    run = prepare(1000)
    run()
    profile = cProfile.Profile()
    profile.runcall(run)
    profile.print_stats("cumulative")


if __name__ == "__main__":
    main()
