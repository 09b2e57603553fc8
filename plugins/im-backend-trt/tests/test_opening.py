from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from im_backend_trt import opening
from im_backend_trt.opening import open_session
from inference_models import (
    CorruptedModelPackageError,
    DeviceUnavailableError,
    InvalidParameterError,
    MissingDependencyError,
    ModelLoadingError,
)
from inference_models.developer_tools import ModelPackageMetadata, TRTPackageDetails


def package(directory: Path, **details: object) -> ModelPackageMetadata:
    return ModelPackageMetadata("p", "trt", directory=directory, backend_details=TRTPackageDetails(**details))


@pytest.fixture
def linear(write_engine: Callable[..., Path], networks) -> Path:
    return write_engine(networks.linear(), networks.profile(1, 4))


class TestFiles:
    def test_the_engine_may_have_two_names(self, linear: Path) -> None:
        (linear / "engine.plan").rename(linear / "model.engine")
        assert open_session(linear).batch_range == (1, 4)

    def test_a_directory_without_an_engine_says_what_is_there(self, tmp_path: Path) -> None:
        (tmp_path / "weights.onnx").touch()
        with pytest.raises(
            CorruptedModelPackageError, match=r"neither engine\.plan nor model\.engine\. It has: weights"
        ):
            open_session(tmp_path)
        with pytest.raises(CorruptedModelPackageError, match="is empty or missing"):
            open_session(tmp_path / "nowhere")

    def test_an_empty_engine(self, write_engine) -> None:
        with pytest.raises(CorruptedModelPackageError, match="has 0 bytes"):
            open_session(write_engine(b""))

    def test_an_engine_that_was_cut_short_is_noticed_before_tensorrt_reads_it(self, linear: Path, fake) -> None:
        path = linear / "engine.plan"
        size = path.stat().st_size
        (linear / "trt_config.json").write_text(json.dumps({"static_batch_size": 1, "engine_size": size}))
        open_session(linear)
        path.write_bytes(path.read_bytes()[:-100])
        fake.state.host_code.clear()
        with pytest.raises(CorruptedModelPackageError, match=f"has {size - 100} bytes, and {size} were written"):
            open_session(linear)
        assert fake.state.host_code == []

    @pytest.mark.parametrize("text", ["", "[]", '{"engine_size": "large"}', '{"static_batch_size": 1}'])
    def test_packages_from_elsewhere_state_no_size(self, linear: Path, text: str) -> None:
        (linear / "trt_config.json").write_text(text)
        assert open_session(linear).batch_range == (1, 4)

    def test_what_is_no_engine_has_the_words_of_tensorrt(self, write_engine) -> None:
        with pytest.raises(CorruptedModelPackageError, match=r"not a usable engine.* says: .*magicTagRead"):
            open_session(write_engine(b"PK\3\4 an archive"))


class TestRefusalsOfTensorRT:
    """What it says is taken from its releases 8 to 10, as users report it."""

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            (
                "IRuntime::deserializeCudaEngine: Error Code 1: Serialization (Serialization assertion "
                "stdVersionRead == kSERIALIZATION_VERSION failed.Version tag does not match. Note: Current Version: "
                "239, Serialized Engine Version: 236)",
                "another version than TensorRT 10.16.1.11",
            ),
            (
                "The engine plan file is not compatible with this version of TensorRT, expecting library version "
                "10.16.1.11 got 10.3.0.30, please rebuild.",
                "another version than TensorRT 10.16.1.11",
            ),
            (
                "The engine plan file is generated on an incompatible device, expecting compute 8.9 got compute 7.5, "
                "please rebuild.",
                "built for another GPU than NVIDIA L4 with compute capability 8.9",
            ),
            (
                "[defaultAllocator.cpp::allocate::48] Error Code 1: Cuda Runtime (out of memory)",
                r"does not fit on cpu: it needs 0\.0 MB or more, and 3\.0 MB of 8\.0 MB are free",
            ),
            (
                "Plan contains host code but the runtime does not allow host code",
                "trt_engine_host_code_allowed=True permits it",
            ),
        ],
    )
    def test_each_is_explained_and_quoted(self, linear: Path, fake, text: str, said: str) -> None:
        fake.state.say = [("VERBOSE", "not this"), ("ERROR", text), ("ERROR", text)]
        with pytest.raises(ModelLoadingError, match=said) as caught:
            open_session(linear)
        assert caught.value.message.count(" ".join(text.split())) == 1
        assert "not this" not in caught.value.message

    def test_a_long_story_is_cut(self, linear: Path, fake) -> None:
        fake.state.say = [("WARNING", f"warning {number}") for number in range(9)] + [("ERROR", "the reason")]
        with pytest.raises(ModelLoadingError, match=r"says: the reason \| warning 0 .* \(and 5 more lines\)"):
            open_session(linear)

    def test_what_it_says_otherwise_is_logged_and_no_more(self, linear: Path, fake, caplog) -> None:
        caplog.set_level(logging.DEBUG, "im_backend_trt.logs")
        fake.state.say = [("INFO", "loaded 3 plugins")]
        with pytest.raises(ModelLoadingError, match="gives no reason"):
            open_session(linear)
        assert [record.getMessage() for record in caplog.records] == ["TensorRT: loaded 3 plugins"]

    def test_a_context_that_does_not_fit(self, linear: Path, fake) -> None:
        fake.state.context_memory_left = 10
        with pytest.raises(ModelLoadingError, match=r"needs 1\.0 MB to work in, and 3\.0 MB of 8\.0 MB are free.*says"):
            open_session(linear)

    def test_a_runtime_that_does_not_start(self, linear: Path, fake, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(logger: object) -> None:
            raise TypeError("pybind11::init(): factory function returned nullptr")

        monkeypatch.setattr(fake, "Runtime", fail)
        with pytest.raises(ModelLoadingError, match="TensorRT does not start: pybind11"):
            open_session(linear)


class TestRuntimes:
    def test_host_code_is_off_unless_it_is_allowed(self, linear: Path, fake) -> None:
        open_session(linear)
        open_session(linear, options={"trt_engine_host_code_allowed": True})
        assert fake.state.host_code == [False, True]

    def test_an_engine_of_another_version_is_not_even_tried(self, linear: Path, fake) -> None:
        with pytest.raises(ModelLoadingError, match=r"built with TensorRT 10\.3\.0\.30 and runs on no other"):
            open_session(linear, package=package(linear, trt_version="10.3.0.30"))
        assert fake.state.host_code == []

    def test_without_any(self, linear: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(opening, "find_runtimes", list)
        with pytest.raises(MissingDependencyError, match="tensorrt is not installed"):
            open_session(linear)

    def test_one_that_does_not_import(self, linear: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(name: str) -> None:
            raise ImportError("libnvinfer.so.10: cannot open shared object file")

        monkeypatch.setattr("im_backend_trt.engine.import_module", fail)
        with pytest.raises(MissingDependencyError, match=r"tensorrt cannot be imported: libnvinfer\.so\.10"):
            open_session(linear)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
class TestDevices:
    """Where torch finds no GPU."""

    @pytest.fixture
    def engine_alone(self, tmp_path: Path) -> Path:
        (tmp_path / "engine.plan").write_bytes(b"never read")
        return tmp_path

    @pytest.mark.parametrize("device", [None, "cuda", "cuda:1"])
    def test_without_a_gpu_it_ends_before_tensorrt_is_touched(self, engine_alone: Path, device: str | None) -> None:
        with pytest.raises(DeviceUnavailableError, match="TensorRT cannot use "):
            open_session(engine_alone, device=device)

    @pytest.mark.parametrize("device", ["cpu", "mps", "cuda:", "cuda:-1", "gpu"])
    def test_other_devices(self, engine_alone: Path, device: str) -> None:
        with pytest.raises(InvalidParameterError, match="NVIDIA GPUs only"):
            open_session(engine_alone, device=device)


class TestOptions:
    @pytest.mark.parametrize(
        ("options", "said"),
        [
            ({"cuda_graphs": True}, "no option 'cuda_graphs', only cuda_graph_cache, disable_cuda_graphs, trt_engine"),
            ({"trt_engine_host_code_allowed": "yes"}, "takes True or False, not 'yes'"),
            ({"disable_cuda_graphs": 1}, "takes True or False, not 1"),
            ({"cuda_graph_cache": 8}, "takes a TRTCudaGraphCache .* not 'int'"),
        ],
    )
    def test_what_makes_no_sense_is_refused(self, linear: Path, options, said: str) -> None:
        with pytest.raises(InvalidParameterError, match=said):
            open_session(linear, options=options)
