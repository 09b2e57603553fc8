"""What providers compile is kept in the user's cache, apart for all that it depends on, and never in the package."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from im_backend_onnx.caches import with_caches
from im_backend_onnx.providers import Provider
from im_backend_onnx.session import open_session
from inference_models import DeviceUnavailableError

CPU, CUDA, TRT = "CPUExecutionProvider", "CUDAExecutionProvider", "TensorrtExecutionProvider"
COREML, OPENVINO = "CoreMLExecutionProvider", "OpenVINOExecutionProvider"
GPU = (TRT, CUDA, CPU)
WANT_TRT = {"onnx_execution_providers": [TRT, CUDA, CPU], "onnx_array_kind": "numpy"}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("im_backend_onnx.diagnosis._warned", set())
    monkeypatch.setenv("INFERENCE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def options_of(package: Path, provider: str, options: dict[str, str] | None = None, version: str = "1.31.1") -> Any:
    """Return the options with which a provider would be started; None: as it was given."""
    cached = with_caches((Provider(provider, options or {}), Provider(CPU)), package / "weights.onnx", version)
    return None if cached is None else dict(cached.providers[0].options)


def directory_of(package: Path, provider: str = TRT, options: dict[str, str] | None = None, **keywords: str) -> str:
    return str(options_of(package, provider, options, **keywords)["trt_engine_cache_path"])


def test_tensorrt_keeps_engines_and_timings(package: Path, home: Path) -> None:
    options = options_of(package, TRT, {"device_id": "1"})
    directory = Path(options.pop("trt_engine_cache_path"))

    assert options == {
        "device_id": "1",
        "trt_engine_cache_enable": "1",
        "trt_timing_cache_enable": "1",
        "trt_timing_cache_path": str(directory),
    }
    assert directory.parent == home / ".derived/onnx"
    assert directory.name.startswith("tensorrt-1.31.1-")
    assert directory.is_dir()
    assert sorted(file.name for file in package.iterdir()) == ["weights.onnx"]


def test_the_same_network_finds_it_again_wherever_it_lies(package: Path, tmp_path: Path) -> None:
    first = directory_of(package)
    moved = package.rename(tmp_path / "elsewhere")

    assert directory_of(moved) == first


def test_what_makes_another_engine_gets_another_directory(package: Path, networks, write_package) -> None:
    found = [
        directory_of(package),
        directory_of(package, options={"trt_fp16_enable": "1"}),
        directory_of(package, options={"device_id": "1"}),
        directory_of(package, version="1.32.0"),
    ]
    model = networks.linear()
    model.graph.initializer[1].raw_data = bytes(16)  # other weights in the same network
    found.append(directory_of(write_package(model)))

    assert len(set(found)) == len(found)


def test_weights_in_files_of_their_own_count(write_package, networks) -> None:
    package = write_package(networks.move_weights_to(networks.linear(), "w.bin"))
    (package / "w.bin").write_bytes(networks.weights.tobytes())
    first = directory_of(package)
    (package / "w.bin").write_bytes((networks.weights * 2).tobytes())

    assert directory_of(package) != first


@pytest.mark.parametrize(
    ("decided", "added"),
    [
        ({"trt_engine_cache_enable": "0"}, {"trt_timing_cache_enable", "trt_timing_cache_path"}),
        ({"trt_engine_cache_path": "/mine"}, {"trt_timing_cache_enable", "trt_timing_cache_path"}),
        ({"trt_dump_ep_context_model": "1"}, {"trt_timing_cache_enable", "trt_timing_cache_path"}),
        ({"trt_timing_cache_enable": "0"}, {"trt_engine_cache_enable", "trt_engine_cache_path"}),
        ({"trt_engine_cache_enable": "1", "trt_timing_cache_path": "/mine"}, set()),
    ],
)
def test_what_the_user_decided_stays(package: Path, home: Path, decided: dict[str, str], added: set[str]) -> None:
    options = options_of(package, TRT, decided)

    assert (set() if options is None else set(options) - set(decided)) == added
    assert options is None or {name: options[name] for name in decided} == decided
    assert added or not home.exists()


@pytest.mark.parametrize(
    ("provider", "options", "version", "added"),
    [
        (OPENVINO, {"device_type": "GPU"}, "1.31.1", "cache_dir"),
        (OPENVINO, {"device_type": "NPU"}, "1.31.1", "cache_dir"),
        (OPENVINO, {"device_type": "CPU"}, "1.31.1", None),
        (OPENVINO, {}, "1.31.1", None),
        (OPENVINO, {"device_type": "GPU", "cache_dir": "/mine"}, "1.31.1", None),
        (OPENVINO, {"device_type": "GPU", "load_config": "mine.json"}, "1.31.1", None),
        (COREML, {}, "1.21.0", "ModelCacheDirectory"),
        (COREML, {}, "1.20.1", None),
        (COREML, {"ModelCacheDirectory": "/mine"}, "1.31.1", None),
        (CUDA, {}, "1.31.1", None),
        (CPU, {}, "1.31.1", None),
    ],
)
def test_other_providers(package: Path, home: Path, provider, options, version: str, added: str | None) -> None:
    given = options_of(package, provider, options, version)

    if added is None:
        assert given is None
        assert not home.exists()
    else:
        assert set(given) - set(options) == {added}
        assert Path(given[added]).is_dir()


def test_a_session_is_opened_with_it(package: Path, gpu_build, home: Path) -> None:
    build = gpu_build(working=GPU, available=GPU)
    session = open_session(package, options=WANT_TRT)
    (options,) = build.options

    assert Path(options[TRT]["trt_engine_cache_path"]).parent == home / ".derived/onnx"
    assert options[CUDA] == options[CPU] == {}
    assert session.runtime["provider_options"][TRT] == options[TRT]


def test_a_cache_that_cannot_be_written_to_is_not_used_and_that_is_said_once(
    package: Path, gpu_build, home: Path, caplog
) -> None:
    home.write_text("a file")
    build = gpu_build(working=GPU, available=GPU)
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            assert open_session(package, options=WANT_TRT).device == "cuda:0"

    assert build.options == [{TRT: {}, CUDA: {}, CPU: {}}] * 2
    (record,) = caplog.records
    assert "each load compiles it anew" in record.getMessage()
    assert str(home) in record.getMessage()


@pytest.mark.parametrize(
    "told", ["TensorRT EP could not deserialize engine from cache: model.engine", "unexpected end of stream"]
)
def test_an_engine_that_is_damaged_is_removed_and_the_session_opens(
    package: Path, gpu_build, monkeypatch, caplog, told: str
) -> None:
    build = gpu_build(working=GPU, available=GPU)
    real, engines = build.InferenceSession, []

    def read_engine(path: str, settings: Any, *, providers: Any, enable_fallback: int) -> Any:
        kept = dict(providers)[TRT].get("trt_engine_cache_path")
        if kept is not None:
            engine = Path(kept, "model.engine")
            engines.append(engine)
            if not engine.exists():
                engine.write_bytes(b"half an eng")
            elif engine.read_bytes() != b"engine":
                raise RuntimeError(told)
        return real(path, settings, providers=providers, enable_fallback=enable_fallback)

    monkeypatch.setattr(build, "InferenceSession", read_engine)
    open_session(package, options=WANT_TRT)
    with caplog.at_level(logging.WARNING):
        assert open_session(package, options=WANT_TRT).device == "cuda:0"

    assert not engines[0].exists()
    assert told in caplog.text
    assert "is removed from" in caplog.text


def test_a_gpu_that_does_not_work_leaves_what_was_compiled_alone(package: Path, gpu_build) -> None:
    gpu_build(working=GPU, available=GPU)
    session = open_session(package, options=WANT_TRT)
    engine = Path(session.runtime["provider_options"][TRT]["trt_engine_cache_path"], "model.engine")
    engine.write_bytes(b"engine")
    gpu_build(working=(), available=GPU, error=RuntimeError("CUDA failure 100: no CUDA-capable device is detected"))
    with pytest.raises(DeviceUnavailableError, match="no CUDA-capable device"):
        open_session(package, device="cuda", options={"onnx_execution_providers": [TRT]})

    assert engine.exists()
