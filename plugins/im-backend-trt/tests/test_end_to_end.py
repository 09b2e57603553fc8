"""From the command line to predictions, with the stand-in for TensorRT: core and family find everything themselves."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result

import im_demo
from im_backend_trt import detection
from inference_models import AutoModel, NoModelPackagesAvailableError, load_image
from inference_models.cli.application import im
from inference_models.developer_tools import TRTCudaGraphCache
from inference_models.environment import Gpu, GpuScan, refresh_environment

L4 = Gpu(index=0, name="NVIDIA L4", compute_capability="8.9")
T4 = Gpu(index=0, name="Tesla T4", compute_capability="7.5")
Im = Callable[..., Result]


@pytest.fixture
def use_gpu(monkeypatch: pytest.MonkeyPatch) -> Callable[[Gpu], None]:
    """Return a function that lets this machine have a GPU."""

    def use(gpu: Gpu) -> None:
        scan = GpuScan(gpus=(gpu,), driver_version="560.35.05", cuda_version="12.6")
        monkeypatch.setattr("inference_models.environment.report.scan_gpus", lambda: scan)
        refresh_environment()

    return use


@pytest.fixture
def machine(
    fake: ModuleType, device: object, use_gpu, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ModuleType]:
    """A machine with an L4, TensorRT, and a cache of its own."""
    monkeypatch.setenv("INFERENCE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(detection, "_find_torch", lambda _path: ("2.8.0", "12.8"))
    monkeypatch.setattr(torch.version, "cuda", "12.6")
    use_gpu(L4)
    yield fake
    monkeypatch.undo()
    refresh_environment()


@pytest.fixture
def im_run() -> Im:
    return lambda *arguments: CliRunner().invoke(im, [str(argument) for argument in arguments], prog_name="im")


def succeed(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.usefixtures("machine")
def test_an_engine_is_built_preferred_described_and_predicts_the_same(im_run: Im, fake) -> None:
    picture = load_image(im_demo.picture_path())
    [expected] = AutoModel.from_pretrained("demo://shapes")(picture)

    made = json.loads(succeed(im_run("compile", "demo://shapes", "--backend", "trt", "--batch", "1,2,4", "--json")))
    assert (made["backend"], made["batch_size"]) == ("trt", "1-4")
    assert made["package_id"].startswith("local-trt-fp32-")

    plan = AutoModel.explain("demo://shapes")
    assert [verdict.package.backend for verdict in plan.candidates][:2] == ["trt", "onnx"]
    described = succeed(im_run("describe", "demo://shapes", "--package", made["package_id"]))
    for fact in ("nvidia-l4", "8.9", "10.16.1.11", "12.6", "560.35.05", "engine.plan"):
        assert fact in described
    fake.state.executed = 0
    with AutoModel.from_pretrained("demo://shapes") as model:
        found = model([picture] * 5)
    assert fake.state.executed == 2, "five images in runs of at most four"
    for one in found:
        np.testing.assert_allclose(one.xyxy, expected.xyxy, atol=1e-3)
        assert list(one.names) == list(expected.names)


def test_on_another_gpu_the_engine_is_left_alone_with_the_reason(machine, use_gpu, im_run: Im) -> None:
    succeed(im_run("compile", "demo://shapes", "--backend", "trt"))
    use_gpu(T4)
    plan = AutoModel.explain("demo://shapes")
    assert plan.candidates[0].package.backend == "onnx"
    [reason] = [verdict.reason for verdict in plan.verdicts if verdict.package.backend == "trt"]
    assert reason == ("it was built for nvidia-l4 (compute capability 8.9), and here is cuda:0 tesla-t4 (7.5)")
    with pytest.raises(NoModelPackagesAvailableError, match="tesla-t4"):
        AutoModel.from_pretrained("demo://shapes", backend="trt")


@pytest.mark.usefixtures("machine")
def test_a_directory_and_options_for_the_session(im_run: Im, tmp_path: Path, device) -> None:
    succeed(im_run("compile", "demo://shapes", "--backend", "trt", "--output", tmp_path / "engine"))
    config = json.loads((tmp_path / "engine" / "model_config.json").read_text())
    assert config["manifest"]["cudaDeviceType"] == "nvidia-l4"
    cache = TRTCudaGraphCache(2)
    with AutoModel.from_pretrained(tmp_path / "engine", cuda_graph_cache=cache) as model:
        assert len(model(load_image(im_demo.picture_path()))[0]) > 3
    assert device.recorded == cache.get_current_size() == 1


@pytest.mark.usefixtures("machine")
def test_an_engine_that_does_not_load_gives_way_to_the_next_package(im_run: Im, fake, caplog) -> None:
    directory = Path(succeed(im_run("compile", "demo://shapes", "--backend", "trt")).strip())
    fake.state.say = [("ERROR", "the driver was reset")]
    with AutoModel.from_pretrained("demo://shapes") as model:
        assert len(model(load_image(im_demo.picture_path()))[0]) > 3
    assert f"Package {directory.name} of demo://shapes does not load" in caplog.text
    assert "the driver was reset" in caplog.text
