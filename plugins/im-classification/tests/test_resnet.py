"""ResNets in torch against a plain float64 one, for every name that is supported and both ways of naming weights."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inference_models import (
    CorruptedModelPackageError,
    ModelLoadingError,
    MultiLabelClassificationPrediction,
    SessionClosedError,
)

torch: Any = pytest.importorskip("torch")
pytest.importorskip("transformers")

from safetensors.torch import save_file  # noqa: E402
from transformers.models.resnet import ResNetConfig, ResNetForImageClassification  # noqa: E402

from im_classification.initialization import PLAIN_RESNETS  # noqa: E402
from im_classification.resnet import rename_weights, timm_name  # noqa: E402

TINY = {"num_classes": 3, "layer_type": "basic", "embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 2]}


def write(
    workbench: Any, network: Any, initialization: Any = TINY, *, name: str = "weights.pth", **options: Any
) -> Path:
    """Write a torch package with the weights of a network, or with these weights."""
    weights = network if isinstance(network, dict) else network.state_dict()
    directory: Path = workbench.package("torch", model_initialization=initialization, **options)
    if name.endswith(".safetensors"):
        save_file(weights, directory / name)
    else:
        torch.save(weights, directory / name)
    return directory


@pytest.fixture
def tiny(references: Any) -> Any:
    return references.seeded_resnet(depths=(1, 2), width=8)


@pytest.mark.parametrize("name", ["resnet18", "resnet26", "resnet50"])
def test_logits_are_those_of_a_plain_float64_network(workbench: Any, references: Any, name: str) -> None:
    network = references.seeded_resnet(name)
    model = workbench.open(write(workbench, network, {"num_classes": 3, "model_name": f"{name}.a1_in1k"}))
    images = [workbench.picture(seed=seed) for seed in range(2)]
    logits = model.forward(model.pre_process(images))
    expected = network.double()(torch.from_numpy(np.concatenate([workbench.expected_input(one) for one in images])))
    assert expected.std() > 0.01, "a network that says the same of everything would prove little"
    np.testing.assert_allclose(logits, expected.numpy(), atol=1e-4, rtol=1e-4)
    np.testing.assert_allclose(model(images).confidence, expected.softmax(dim=1).numpy(), atol=1e-4)


@pytest.mark.parametrize("name", PLAIN_RESNETS)
def test_every_weight_of_every_supported_network_has_its_place(references: Any, name: str) -> None:
    sizes = PLAIN_RESNETS[name]
    with torch.device("meta"):
        given = references.ResNet(name).state_dict()
        config = ResNetConfig(
            layer_type=sizes.layer_type,
            embedding_size=sizes.embedding_size,
            hidden_sizes=list(sizes.hidden_sizes),
            depths=list(sizes.depths),
            num_labels=3,
        )
        wanted = ResNetForImageClassification(config).state_dict()
    renamed = rename_weights(given, wanted, Path("weights.pth"))
    assert {key: value.shape for key, value in renamed.items()} == {key: value.shape for key, value in wanted.items()}
    assert sorted(map(timm_name, wanted)) == sorted(given)


@pytest.mark.parametrize("name", ["weights.safetensors", "weights.pth", "weights.pt"])
def test_weights_in_any_kind_of_file(workbench: Any, tiny: Any, name: str) -> None:
    image = workbench.picture()
    model = workbench.open(write(workbench, tiny, name=name))
    expected = tiny.double()(torch.from_numpy(workbench.expected_input(image))).softmax(dim=1)
    np.testing.assert_allclose(model(image).confidence, expected.numpy(), atol=1e-5)


def test_weights_as_transformers_names_them(workbench: Any, tiny: Any) -> None:
    image = workbench.picture()
    expected = workbench.open(write(workbench, tiny))(image).confidence
    sizes = {key: value for key, value in TINY.items() if key != "num_classes"}
    own = ResNetForImageClassification(ResNetConfig(num_labels=3, **sizes)).state_dict()
    renamed = rename_weights(tiny.state_dict(), own, Path("x"))
    (workbench.directory / "weights.pth").unlink()
    model = workbench.open(write(workbench, renamed, name="model.safetensors"))
    np.testing.assert_array_equal(model(image).confidence, expected)


def test_counters_of_training_may_be_left_out(workbench: Any, tiny: Any) -> None:
    weights = {key: value for key, value in tiny.state_dict().items() if not key.endswith("num_batches_tracked")}
    expected = workbench.open(write(workbench, tiny))(workbench.picture()).confidence
    found = workbench.open(write(workbench, weights))(workbench.picture()).confidence
    np.testing.assert_array_equal(found, expected)


def test_labels_tensors_and_batches(workbench: Any, tiny: Any, as_tensor: Any) -> None:
    model = workbench.open(write(workbench, tiny, multi=True, forward_pass={"max_dynamic_batch_size": 2}))
    images = [workbench.picture(60 + seed, seed=seed) for seed in range(5)]
    found = model(images)
    assert all(isinstance(one, MultiLabelClassificationPrediction) for one in found)
    reference = tiny.double()
    for image, one in zip(images, found, strict=True):
        expected = reference(torch.from_numpy(workbench.expected_input(image))).sigmoid()[0]
        np.testing.assert_allclose(one.confidence, expected.numpy(), atol=1e-5)
    as_tensors = model([as_tensor(image) for image in images])
    assert as_tensors[0].array_kind == "torch"
    for one, expected in zip(as_tensors, found, strict=True):
        np.testing.assert_allclose(one.confidence.numpy(), expected.confidence, atol=1e-6)


def test_what_is_returned_is_the_callers(workbench: Any, tiny: Any, as_tensor: Any) -> None:
    model = workbench.open(write(workbench, tiny))
    logits = model.forward(model.pre_process(as_tensor(workbench.picture())))
    logits += 1  # a tensor of inference mode would refuse
    assert not logits.requires_grad


def test_a_closed_model_and_an_input_that_does_not_fit(workbench: Any, tiny: Any) -> None:
    model = workbench.open(write(workbench, tiny))
    session = model._package.network.session
    assert session.runtime["backend"] == "torch"
    model.close()
    with pytest.raises(SessionClosedError):
        model(workbench.picture())
    with pytest.raises(SessionClosedError):
        session.run({"images": torch.zeros(1, 3, 64, 64)})


@pytest.mark.parametrize(
    ("initialization", "error", "message"),
    [
        (None, CorruptedModelPackageError, "has no model_initialization"),
        ({"model_name": "resnet18"}, CorruptedModelPackageError, "num_classes .* is missing, .* names 3 classes"),
        ({"num_classes": 4, "model_name": "resnet18"}, CorruptedModelPackageError, "num_classes .* is 4, .* 3 classes"),
        ({"num_classes": 3}, CorruptedModelPackageError, "has no model_name, such as"),
        (
            {"num_classes": 3, "model_name": "resnet50d"},
            ModelLoadingError,
            "'resnet50d', which is no plain ResNet.*resnet18, resnet26, resnet34, resnet50, .*ONNX instead",
        ),
        ({"num_classes": 3, "model_name": "wide_resnet50_2"}, ModelLoadingError, "no plain ResNet"),
        ({**TINY, "depths": [1]}, CorruptedModelPackageError, r"of one length.*found .*depths: .*1"),
        ({**TINY, "layer_type": "other"}, CorruptedModelPackageError, "expected layer_type"),
        ({**TINY, "embedding_size": True}, CorruptedModelPackageError, "positive whole numbers"),
    ],
)
def test_an_initialization_that_builds_nothing(
    workbench: Any, tiny: Any, initialization: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        workbench.open(write(workbench, tiny, initialization))


def test_weights_of_another_network_are_named_as_in_the_file(workbench: Any, tiny: Any) -> None:
    weights = tiny.state_dict()
    weights["layer1.0.se.weight"] = torch.zeros(1)
    del weights["layer2.1.conv1.weight"], weights["fc.bias"]
    told = (
        r"weights\.pth does not hold .*: 2 missing \(layer2\.1\.conv1\.weight, fc\.bias\); 1 unexpected \(layer1\.0\."
    )
    with pytest.raises(CorruptedModelPackageError, match=told):
        workbench.open(write(workbench, weights))
    with pytest.raises(CorruptedModelPackageError, match=r"of another shape .*\(4, 16\) instead of \(3, 16\)"):
        workbench.open(write(workbench, {**tiny.state_dict(), "fc.weight": torch.zeros(4, 16)}))


def test_no_weights_at_all(workbench: Any) -> None:
    directory = workbench.package("torch", model_initialization=TINY)
    told = re.escape("holds no weights: expected weights.safetensors or weights.pth, found class_names.txt, inference")
    with pytest.raises(CorruptedModelPackageError, match=told):
        workbench.open(directory)
