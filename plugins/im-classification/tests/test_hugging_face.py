"""What `save_pretrained` of transformers writes: the same as its own classes and image processors, run by hand."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inference_models import (
    AutoModel,
    CorruptedModelPackageError,
    InvalidParameterError,
    ModelInputError,
    ModelLoadingError,
    load_image,
)

torch: Any = pytest.importorskip("torch")
transformers: Any = pytest.importorskip("transformers")

# By Rachel Michetti, who gave up all rights to it (CC0), at half the size that scikit-image has it.
PHOTO = Path(__file__).with_name("coffee.jpg")
NAMES = {0: "cup", 1: "spoon", 2: "table"}
VIT = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64, "image_size": 64}
RESNET = {"embedding_size": 8, "hidden_sizes": [16, 24], "depths": [1, 2], "layer_type": "bottleneck"}


def make(family: str, **config: Any) -> Any:
    """Return a network of transformers with seeded weights, and statistics that are not those it is made with."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        if family == "vit":
            sizes = transformers.ViTConfig(**{**VIT, "id2label": NAMES, **config})
            network = transformers.ViTForImageClassification(sizes)
        else:
            sizes = transformers.ResNetConfig(**{**RESNET, "id2label": NAMES, **config})
            network = transformers.ResNetForImageClassification(sizes)
        for weight in network.state_dict().values():
            if weight.is_floating_point():
                weight.add_(0.1 * torch.rand_like(weight))
    return network.eval().requires_grad_(False)


def processor_for(family: str) -> Any:
    if family == "vit":
        return transformers.ViTImageProcessorPil(size={"height": 64, "width": 64})
    return transformers.ConvNextImageProcessorPil(size={"shortest_edge": 64}, crop_pct=0.875)


def write(directory: Path, network: Any, processor: Any = None, *, multi: bool = False, **described: Any) -> Path:
    network.save_pretrained(directory)
    (processor or processor_for(network.config.model_type)).save_pretrained(directory)
    content = {
        "model_architecture": network.config.model_type,
        "task_type": "multi-label-classification" if multi else "classification",
        "backend_type": "hugging-face",
        **described,
    }
    (directory / "model_config.json").write_text(json.dumps(content))
    return directory


def load(directory: Path, **options: Any) -> Any:
    return AutoModel.from_pretrained(directory, device="cpu", **options)


def change(path: Path, **values: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def by_hand(network: Any, processor: Any, images: list[Any]) -> Any:
    """Return logits for red-green-blue arrays as transformers' documentation computes them."""
    from PIL import Image

    inputs = processor(images=[Image.fromarray(image) for image in images], return_tensors="pt")
    with torch.no_grad():
        return network(**inputs).logits


@pytest.mark.parametrize("multi", [False, True])
@pytest.mark.parametrize("family", ["vit", "resnet"])
def test_a_photo_gets_what_transformers_says(tmp_path: Path, family: str, multi: bool) -> None:
    stated = "multi_label_classification" if multi else "single_label_classification"
    network, processor = make(family, problem_type=stated), processor_for(family)
    photo = load_image(PHOTO)
    expected = by_hand(network, processor, [photo[..., ::-1], photo[:200, :150, ::-1]])
    expected = (expected.sigmoid() if multi else expected.softmax(1)).numpy()
    assert np.ptp(expected) > 0.01

    model = load(write(tmp_path, network, multi=multi))
    assert model.class_names == ["cup", "spoon", "table"]
    found = model([photo, photo[:200, :150]])
    scores = np.stack([one.confidence for one in found]) if multi else found.confidence
    np.testing.assert_allclose(scores, expected, atol=1e-6)
    if not multi:
        assert found.class_id.tolist() == expected.argmax(1).tolist()


def test_tensors_and_colour_orders_give_the_same(tmp_path: Path, as_tensor: Any) -> None:
    model = load(write(tmp_path, make("vit")))
    photo = load_image(PHOTO)
    expected = model(photo).confidence
    of_tensor = model(as_tensor(photo))
    assert of_tensor.array_kind == "torch"
    assert np.array_equal(of_tensor.confidence.numpy(), expected)
    rgb = np.ascontiguousarray(photo[..., ::-1])
    assert np.array_equal(model(rgb, input_color_format="rgb").confidence, expected)
    assert not np.allclose(model(rgb).confidence, expected, atol=1e-5)


def test_names_in_class_names_txt_come_first(tmp_path: Path) -> None:
    directory = write(tmp_path, make("resnet"))
    (directory / "class_names.txt").write_text("a\nb\nc\n")
    assert load(directory).class_names == ["a", "b", "c"]
    (directory / "class_names.txt").write_text("a\nb\n")
    with pytest.raises(CorruptedModelPackageError, match=r"names 2 classes, .* has 3"):
        load(directory)


def test_an_inference_config_says_how_images_are_prepared(workbench: Any) -> None:
    network = make("vit")
    directory = workbench.package("hugging-face", architecture="vit")
    network.save_pretrained(directory)
    image = workbench.picture()
    expected = network.double()(torch.from_numpy(workbench.expected_input(image))).logits.softmax(1)
    model = load(directory)
    assert model.class_names == ["cat", "dog", "fish"]
    np.testing.assert_allclose(model(image).confidence, expected.numpy(), atol=1e-5)


@pytest.mark.parametrize("with_pooler", [False, True])
@pytest.mark.parametrize("multi", [False, True])
def test_a_vit_beside_a_layer_of_its_own(workbench: Any, multi: bool, with_pooler: bool) -> None:
    network = make("vit")
    initialization = {"num_classes": 3}
    directory = workbench.package("hugging-face", architecture="vit", multi=multi, model_initialization=initialization)
    backbone = network.vit
    if with_pooler:
        backbone = transformers.ViTModel(network.config)
        backbone.load_state_dict(network.vit.state_dict(), strict=False)
    backbone.save_pretrained(directory / "vit")
    torch.save(network.classifier.state_dict(), directory / "classifier_layer_weights.pth")
    image = workbench.picture()
    logits = network.double()(torch.from_numpy(workbench.expected_input(image))).logits
    expected = (logits.sigmoid() if multi else logits.softmax(1)).numpy()
    found = load(directory)(image)
    scores = found[0].confidence[None] if multi else found.confidence
    np.testing.assert_allclose(scores, expected, atol=1e-5)

    torch.save({"weight": torch.zeros(3, 8), "bias": torch.zeros(3)}, directory / "classifier_layer_weights.pth")
    with pytest.raises(CorruptedModelPackageError, match="does not hold the last layer of this network"):
        load(directory)


def test_half_precision_computes_in_it_and_answers_in_float32(tmp_path: Path) -> None:
    network = make("vit")
    photo = load_image(PHOTO)
    exact = by_hand(network, processor_for("vit"), [photo[..., ::-1]]).softmax(1).numpy()
    model = load(write(tmp_path, network), dtype="bfloat16")
    found = model(photo).confidence
    assert found.dtype == np.float32
    assert 0 < np.abs(found - exact).max() < 0.02


@pytest.mark.parametrize(
    ("described", "problem", "error", "message"),
    [
        ({}, "multi_label_classification", ModelLoadingError, "trained for 'multi_label_classification'"),
        ({"task_type": "multi-label-classification"}, "single_label_classification", ModelLoadingError, "not the task"),
        ({}, "regression", ModelLoadingError, "'regression'"),
    ],
)
def test_the_task_that_the_network_was_trained_for(
    tmp_path: Path, described: Any, problem: str, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        load(write(tmp_path, make("resnet", problem_type=problem), **described))


def test_files_that_contradict_each_other(tmp_path: Path) -> None:
    directory = write(tmp_path, make("vit"))
    processor_file = directory / "preprocessor_config.json"
    change(processor_file, size={"height": 32, "width": 48})
    with pytest.raises(CorruptedModelPackageError, match=r"makes pictures of 32x48 .* takes 64x64"):
        load(directory)
    processor_file.unlink()
    with pytest.raises(CorruptedModelPackageError, match=r"neither inference_config\.json nor preprocessor_config"):
        load(directory)
    processor_for("vit").save_pretrained(directory)
    for other in ("swin", ["vit"], None):
        change(directory / "config.json", model_type=other)
        message = rf"model_type {re.escape(repr(other))}, expected 'vit'.*supported: resnet, vit"
        with pytest.raises(CorruptedModelPackageError, match=message):
            load(directory)
    (directory / "config.json").unlink()
    with pytest.raises(CorruptedModelPackageError, match=r"config\.json cannot be read as JSON"):
        load(directory)


@pytest.mark.parametrize("with_inference_config", [False, True])
@pytest.mark.parametrize("multi", [False, True])
@pytest.mark.parametrize(("stated", "saved"), [("resnet", "vit"), ("vit", "resnet")])
def test_an_architecture_that_is_not_that_of_the_network(
    tmp_path: Path, workbench: Any, stated: str, saved: str, multi: bool, with_inference_config: bool
) -> None:
    if with_inference_config:
        directory = workbench.package("hugging-face", architecture=stated, multi=multi)
        make(saved).save_pretrained(directory)
    else:
        directory = write(tmp_path / "saved", make(saved), multi=multi, model_architecture=stated)
    with pytest.raises(
        CorruptedModelPackageError, match=rf"config\.json is of model_type '{saved}', expected '{stated}'"
    ):
        load(directory)


def test_a_vit_beside_a_layer_is_no_resnet(workbench: Any) -> None:
    network = make("vit")
    directory = workbench.package("hugging-face", architecture="resnet", model_initialization={"num_classes": 3})
    network.vit.save_pretrained(directory / "vit")
    torch.save(network.classifier.state_dict(), directory / "classifier_layer_weights.pth")
    with pytest.raises(CorruptedModelPackageError, match=r"config\.json is missing, expected that of a 'resnet'"):
        load(directory)


def test_weights_that_are_not_those_of_the_config(tmp_path: Path) -> None:
    directory = write(tmp_path, make("vit"))
    change(directory / "config.json", num_hidden_layers=3)
    with pytest.raises(CorruptedModelPackageError, match="missing"):
        load(directory)


def test_options_of_a_call(tmp_path: Path) -> None:
    processor = transformers.ViTImageProcessorPil(do_resize=False)
    model = load(write(tmp_path, make("resnet"), processor))
    photo = load_image(PHOTO)
    with pytest.raises(InvalidParameterError, match=r"image_size= goes with packages that have an inference_config"):
        model(photo, image_size=32)
    with pytest.raises(InvalidParameterError, match="input_color_format"):
        model(photo, input_color_format="hsv")
    with pytest.raises(ModelInputError, match="of different sizes: 90x70, 100x80"):
        model([photo[:90, :70], photo[:100, :80]])
    assert len(model([photo[:90, :70], photo[:90, :70]])) == 2


def test_code_that_a_config_names_is_not_run(tmp_path: Path) -> None:
    directory = write(tmp_path, make("vit"))
    marker = tmp_path / "was-run"
    (directory / "evil.py").write_text(f"open({str(marker)!r}, 'w')")
    evil = {"AutoModelForImageClassification": "evil.M", "AutoConfig": "evil.C", "AutoImageProcessor": "evil.P"}
    change(directory / "config.json", auto_map=evil)
    change(directory / "preprocessor_config.json", auto_map={"AutoImageProcessor": "evil.P"})
    load(directory)(load_image(PHOTO))
    assert not marker.exists()
