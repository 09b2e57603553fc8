"""The toolkit over real modules, alone and as a family is handed it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from im_backend_torch.toolkit import Toolkit, make_toolkit
from inference_models import (
    AutoModel,
    CorruptedModelPackageError,
    InvalidParameterError,
    ModelLoadingError,
    ModelRuntimeError,
    NoModelPackagesAvailableError,
)
from inference_models.developer_tools import ModelPackageMetadata, TorchToolkit
from inference_models.testing import installed_plugin


@pytest.fixture
def toolkit() -> Toolkit:
    return make_toolkit(device="cpu")


def package(quantization: str) -> ModelPackageMetadata:
    return ModelPackageMetadata("p", "torch", directory=Path("x"), quantization=quantization)


def test_it_is_what_the_core_describes(toolkit: Toolkit) -> None:
    assert isinstance(toolkit, TorchToolkit)
    assert (toolkit.device, toolkit.dtype) == ("cpu", torch.float32)
    assert toolkit.runtime == {
        "backend": "torch",
        "version": torch.__version__,
        "cuda": None,
        "device": "cpu",
        "dtype": "float32",
        "threads": torch.get_num_threads(),
    }


@pytest.mark.parametrize("quantization", ["fp32", "fp16", "bf16", "unknown"])
def test_the_cpu_computes_in_float32(quantization: str) -> None:
    assert make_toolkit(device="cpu", package=package(quantization)).dtype == torch.float32


def test_options_and_devices_that_make_no_sense() -> None:
    with pytest.raises(InvalidParameterError, match="has no option 'speed'"):
        make_toolkit(options={"speed": 1})
    with pytest.raises(InvalidParameterError, match="device='cpu:1' is not a device"):
        make_toolkit(device="cpu:1")


def test_weights_are_copied_into_the_module(toolkit: Toolkit, networks) -> None:
    source, target = networks.seeded(networks.Convolutions), networks.seeded(networks.Convolutions, seed=1)

    toolkit.load_weights(target, source.state_dict())

    x = torch.rand(1, 3, 8, 8)
    assert torch.equal(source(x), target(x))
    assert target.first.weight.data_ptr() != source.first.weight.data_ptr()


def test_a_module_without_memory_takes_the_tensors_themselves(toolkit: Toolkit, networks) -> None:
    source = networks.seeded(networks.Convolutions)
    with torch.device("meta"):
        target = networks.Convolutions()

    toolkit.load_weights(target, source.state_dict())

    assert target.first.weight.data_ptr() == source.first.weight.data_ptr()
    x = torch.rand(1, 3, 8, 8)
    torch.testing.assert_close(toolkit.place(target)(x), source(x))


def test_what_is_missing_unexpected_or_of_another_shape_is_named(toolkit: Toolkit, networks) -> None:
    weights = networks.seeded(networks.Convolutions).state_dict()
    extra = {f"extra.{number}": torch.zeros(1) for number in range(7)}
    with pytest.raises(
        CorruptedModelPackageError,
        match=r"1 missing \(last\.bias\); 7 unexpected \(extra\.0, extra\.1, .*, extra\.4 and 2 more\)\. Check that",
    ):
        toolkit.load_weights(
            networks.Convolutions(), {name: one for name, one in weights.items() if name != "last.bias"} | extra
        )
    with pytest.raises(
        CorruptedModelPackageError,
        match=r"1 of another shape \(last\.weight: \(5, 8, 1, 1\) instead of \(4, 8, 1, 1\)\)",
    ):
        toolkit.load_weights(networks.Convolutions(), {**weights, "last.weight": torch.zeros(5, 8, 1, 1)})


def test_names_may_be_ignored_by_pattern(toolkit: Toolkit, networks) -> None:
    weights = {
        **networks.seeded(networks.Convolutions).state_dict(),
        "head.mask": torch.zeros(1),
        "aux": torch.zeros(1),
    }

    toolkit.load_weights(networks.Convolutions(), weights, ignore_unexpected=["*.mask", "aux"])
    with pytest.raises(CorruptedModelPackageError, match=r"1 unexpected \(aux\)"):
        toolkit.load_weights(networks.Convolutions(), weights, ignore_unexpected=["*.mask"])


def test_a_placed_module_is_ready_to_run(toolkit: Toolkit, networks) -> None:
    module = networks.Convolutions().double().train()

    placed = toolkit.place(module)

    assert placed is module
    assert not placed.training
    assert {tensor.dtype for tensor in placed.parameters()} == {torch.float32}
    assert not any(tensor.requires_grad for tensor in placed.parameters())
    assert placed.norm.num_batches_tracked.dtype == torch.int64, "only fractions change their type"


def test_convolutions_lie_as_the_cpu_likes_them_and_give_the_same(toolkit: Toolkit, networks) -> None:
    network = networks.seeded(networks.Convolutions)
    x = torch.rand(2, 3, 16, 16)
    with torch.no_grad():
        expected = network(x).clone()

    placed = toolkit.place(network)

    assert placed.first.weight.is_contiguous(memory_format=torch.channels_last)
    with toolkit.inference():
        torch.testing.assert_close(placed(x), expected, rtol=1e-5, atol=1e-5)


def test_a_network_with_few_convolutions_keeps_its_layout(toolkit: Toolkit) -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 4, stride=4), nn.Flatten(), nn.Linear(64, 64))

    assert toolkit.place(network)[0].weight.is_contiguous()


class Heavy(nn.Linear):
    """A network whose weights find no room."""

    def __init__(self, problem: str = "") -> None:
        super().__init__(1, 1)
        self.problem = problem

    def to(self, *args: object, **kwargs: object) -> Heavy:
        if self.problem:
            raise RuntimeError(self.problem)
        torch.empty(1 << 50)
        return self


def test_a_network_that_does_not_fit_says_how_much_was_needed(toolkit: Toolkit) -> None:
    with pytest.raises(ModelLoadingError, match="does not fit on the device: cpu has not enough memory for another"):
        toolkit.place(Heavy())
    with pytest.raises(RuntimeError, match="not about memory"):
        toolkit.place(Heavy("not about memory"))


def test_inference_needs_no_gradients_and_leaves_the_mode_as_it_was(toolkit: Toolkit) -> None:
    layer = nn.Linear(2, 2)
    with toolkit.inference():
        assert torch.is_inference_mode_enabled()
        assert not layer(torch.ones(2)).requires_grad
    assert not torch.is_inference_mode_enabled()
    assert torch.is_grad_enabled()


def test_out_of_memory_is_explained_and_other_errors_are_not_touched(toolkit: Toolkit) -> None:
    told = r"did not run: cpu has not enough memory for another .*are free\. Run"
    with pytest.raises(ModelRuntimeError, match=told), toolkit.inference():
        torch.zeros(1 << 50)
    with pytest.raises(RuntimeError, match="shape") as caught, toolkit.inference():
        torch.zeros(3).reshape(2, 2)
    assert type(caught.value) is RuntimeError


PLUGIN = """
    from inference_models.developer_tools import ModelSpec, hookimpl

    class Doubler:
        def __init__(self, network, toolkit):
            self.network, self.toolkit = network, toolkit

        @classmethod
        def from_pretrained(cls, path, *, toolkit):
            import torch
            network = torch.nn.Linear(2, 2)
            toolkit.load_weights(network, toolkit.load_state_dict(f"{path}/weights.safetensors"))
            return cls(toolkit.place(network), toolkit)

    @hookimpl
    def im_models():
        return ModelSpec(architectures="doubler", task_type="double", backends="torch", target=Doubler)
"""


def test_a_family_loads_its_own_module_with_it(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    directory = tmp_path / "package"
    directory.mkdir()
    config = {"model_architecture": "doubler", "task_type": "double", "backend_type": "torch"}
    (directory / "model_config.json").write_text(json.dumps(config))
    save_file({"weight": 2 * torch.eye(2), "bias": torch.zeros(2)}, directory / "weights.safetensors")

    with installed_plugin(tmp_path / "site", "acme-doubler", PLUGIN):
        model = AutoModel.from_pretrained(directory, device="cpu")
        with model.toolkit.inference():
            assert model.network(torch.tensor([1.0, 3.0])).tolist() == [2, 6]
        with pytest.raises(NoModelPackagesAvailableError, match="device='xpu' is not a device that is known here"):
            AutoModel.from_pretrained(directory, device="xpu")
