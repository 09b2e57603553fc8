"""Packages and checkpoints on PyTorch: the same numbers as transformers' own class, run by hand."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from attrs import evolve

from inference_models import (
    AutoModel,
    CorruptedModelPackageError,
    DeviceUnavailableError,
    InvalidParameterError,
    ModelRuntimeError,
    NoModelPackagesAvailableError,
    SessionClosedError,
)

pytestmark = pytest.mark.usefixtures("tiny_sizes")
KINDS = {"rfdetr-nano": "object-detection", "rfdetr-seg-nano": "instance-segmentation"}
LABELS = ["cat", "dog", "owl"]


@pytest.fixture(params=list(KINDS))
def model_type(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def network(model_type: str, bench, torch_bench) -> Any:
    return torch_bench.network(evolve(bench.TINY, has_masks="seg" in model_type))


def save(torch_bench, network: Any, path: Path, **beside: Any) -> Path:
    torch_bench.torch.save({"model": torch_bench.old_weights(network), **beside}, path)
    return path


def check(model: Any, network: Any, bench, torch_bench) -> None:
    """Compare stages and predictions with transformers' own class."""
    images = [bench.picture(90, 140), bench.picture(50, 60, seed=1), bench.picture(64, 64, seed=2)]
    inputs, metadata = model.pre_process(images)
    raw = model.forward(inputs)
    expected = torch_bench.by_hand(network, inputs)
    for output, by_hand in zip((raw.boxes, raw.logits, raw.extra), expected, strict=False):
        assert output.dtype is torch_bench.torch.float32
        np.testing.assert_allclose(output.numpy(), by_hand, atol=1e-5)
    found = model.post_process(raw, metadata, confidence=0.3)
    assert sum(map(len, found)) > 5
    for place, (boxes, image) in enumerate(zip(found, images, strict=True)):
        scores = 1 / (1 + np.exp(-expected[1][place].astype(np.float64)))
        best = np.argsort(-scores.ravel(), kind="stable")[: len(scores)]
        kept = [pair for pair in best if scores.ravel()[pair] > 0.3 and pair % 4 < 3]
        np.testing.assert_allclose(boxes.confidence, scores.ravel()[kept], atol=1e-5)
        assert boxes.class_id.tolist() == [pair % 4 for pair in kept]
        centres = expected[0][place][[pair // 4 for pair in kept]] * np.tile(image.shape[1::-1], 2)
        corners = np.hstack([centres[:, :2] - centres[:, 2:] / 2, centres[:, :2] + centres[:, 2:] / 2])
        limits = np.tile(image.shape[1::-1], 2)
        np.testing.assert_allclose(boxes.xyxy, corners.clip(0, limits), atol=1e-2)


@pytest.mark.parametrize("form", ["namespace", "dict", "lightning", "compiled", "bare", "safetensors"])
def test_checkpoints_of_every_form(model_type, network, bench, torch_bench, tmp_path: Path, form: str) -> None:
    weights, path = torch_bench.old_weights(network), tmp_path / "checkpoint_best.pth"
    said = {"patch_size": 16, "num_windows": 2, "class_names": LABELS, "lr": 1e-4}
    labels: Any = None if form in ("namespace", "dict", "lightning") else LABELS
    saved = {
        "namespace": {"model": weights, "args": argparse.Namespace(**said), "epoch": 3},
        "dict": {"model": weights, "args": {"class_names": LABELS}, "model_config": said, "optimizer_states": []},
        "lightning": {
            "state_dict": {f"model.{name}": tensor for name, tensor in weights.items()}, "hyper_parameters": said,
        },
        "compiled": {"model": {f"_orig_mod.{name}": tensor for name, tensor in weights.items()}},
        "bare": weights,
        "safetensors": None,
    }[form]  # fmt: skip
    if form == "safetensors":
        from safetensors.torch import save_file

        path = path.with_suffix(".safetensors")
        save_file({name: tensor.contiguous() for name, tensor in weights.items()}, path)
    else:
        torch_bench.torch.save(saved, path)
    with AutoModel.from_pretrained(path, model_type=model_type, labels=labels, device="cpu") as model:
        assert model.class_names == LABELS
        check(model, network, bench, torch_bench)


def test_packages(model_type, network, bench, torch_bench) -> None:
    directory = bench.package(KINDS[model_type], backend="torch", files={"model_type.json": {"model_type": model_type}})
    save(torch_bench, network, directory / "weights.pth", args=SimpleNamespace(num_windows=2))
    with AutoModel.from_pretrained(directory, device="cpu") as model:
        check(model, network, bench, torch_bench)


def test_other_resolutions(model_type, bench, torch_bench, network, tmp_path: Path) -> None:
    path = save(torch_bench, network, tmp_path / "best.pth")
    with AutoModel.from_pretrained(str(path), model_type=model_type, labels=LABELS, resolution=96) as model:
        assert model.pre_process(bench.picture())[0].shape == (1, 3, 96, 96)
        check(model, network, bench, torch_bench)
    directory = bench.package(
        KINDS[model_type],
        backend="torch",
        files={"model_type.json": {"model_type": model_type}},
        network_input={"training_input_size": {"height": 128, "width": 128}},
    )
    save(torch_bench, network, directory / "weights.pth")
    with AutoModel.from_pretrained(directory, device="cpu") as model:
        assert model.pre_process(bench.picture())[0].shape == (1, 3, 128, 128)


def test_tensors_give_tensors(model_type, bench, torch_bench, network, tmp_path: Path) -> None:
    path = save(torch_bench, network, tmp_path / "best.pth")
    with AutoModel.from_pretrained(path, model_type=model_type, labels=LABELS, device="cpu") as model:
        image = bench.picture()
        tensor = torch_bench.torch.from_numpy(image[..., ::-1].transpose(2, 0, 1).copy())
        [expected], [found] = model(image), model(tensor)
        assert isinstance(found.xyxy, torch_bench.torch.Tensor)
        np.testing.assert_array_equal(found.xyxy.numpy(), expected.xyxy)


def test_a_device_that_cannot_be_had_is_an_error(model_type, torch_bench, network, tmp_path: Path) -> None:
    if torch_bench.torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    path = save(torch_bench, network, tmp_path / "best.pth")
    with pytest.raises((DeviceUnavailableError, NoModelPackagesAvailableError), match="cuda"):
        AutoModel.from_pretrained(path, model_type=model_type, labels=LABELS, device="cuda")


def test_a_checkpoint_that_holds_code_does_not_run_it(model_type, torch_bench, tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "ran",))

    torch_bench.torch.save({"model": {}, "args": Evil()}, tmp_path / "best.pth")
    with pytest.raises(CorruptedModelPackageError, match="which is code"):
        AutoModel.from_pretrained(tmp_path / "best.pth", model_type=model_type, labels=LABELS)
    assert not (tmp_path / "ran").exists()


def test_missing_and_unknown_weights_are_named(model_type, torch_bench, network, tmp_path: Path) -> None:
    path, weights = tmp_path / "best.pth", torch_bench.old_weights(network)
    del weights["transformer.decoder.norm.bias"]
    torch_bench.torch.save({"model": weights}, path)
    with pytest.raises(CorruptedModelPackageError, match=r"1 missing \(.*decoder\.layernorm\.bias"):
        AutoModel.from_pretrained(path, model_type=model_type, labels=LABELS)
    torch_bench.torch.save(
        {"model": {**torch_bench.old_weights(network), "new.weight": weights["class_embed.bias"]}}, path
    )
    with pytest.raises(CorruptedModelPackageError, match=r"does not have: new\.weight"):
        AutoModel.from_pretrained(path, model_type=model_type, labels=LABELS)


def test_checkpoints_that_are_none(model_type, torch_bench, tmp_path: Path) -> None:
    path = tmp_path / "best.pth"
    number = torch_bench.torch.zeros(3)
    unfit = [{"model": {1: number}}, {"model": {"a": number, 5: number}}, {"model": {"a": number.to_sparse()}}]
    for contents in ([1, 2], {"model": "x"}, {"model": {}}, {"epoch": 3}, *unfit):
        torch_bench.torch.save(contents, path)
        with pytest.raises(CorruptedModelPackageError, match='under "model"'):
            AutoModel.from_pretrained(path, model_type=model_type, labels=LABELS)


def test_options_of_checkpoints_are_not_for_packages(bench, torch_bench, network, model_type) -> None:
    directory = bench.package(KINDS[model_type], backend="torch", files={"model_type.json": {"model_type": model_type}})
    save(torch_bench, network, directory / "weights.pth")
    with pytest.raises(InvalidParameterError, match="labels= and resolution= are for training checkpoints"):
        AutoModel.from_pretrained(directory, labels=LABELS, resolution=96)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, r"model_type\.json cannot be read"),
        ({"model_type.json": {"model_type": "rfdetr-huge"}}, "'rfdetr-huge', expected one of rfdetr-nano"),
        ({"model_type.json": {"model_type": ["rfdetr-nano"]}}, r"\['rfdetr-nano'\], expected one of"),
        ({"model_type.json": ["rfdetr-nano"]}, "None, expected one of"),
    ],
)
def test_packages_that_do_not_say_what_they_are(bench, torch_bench, files: Any, message: str) -> None:
    directory = bench.package(backend="torch", files=files)
    save(torch_bench, torch_bench.network(bench.TINY), directory / "weights.pth")
    with pytest.raises(CorruptedModelPackageError, match=message):
        AutoModel.from_pretrained(directory)


@pytest.mark.parametrize(
    ("task", "stated", "has_masks", "message"),
    [
        ("object-detection", "rfdetr-seg-nano", False, "is not of 'rfdetr-seg-nano': it has .*has_masks False"),
        ("instance-segmentation", "rfdetr-nano", True, r"is not of 'rfdetr-nano': it has .*has_masks True"),
        ("instance-segmentation", "rfdetr-nano", False, "for masks"),
    ],
)
def test_packages_that_are_not_what_they_say(
    bench, torch_bench, task: str, stated: str, has_masks: bool, message: str
) -> None:
    directory = bench.package(task, backend="torch", files={"model_type.json": {"model_type": stated}})
    save(torch_bench, torch_bench.network(evolve(bench.TINY, has_masks=has_masks)), directory / "weights.pth")
    with pytest.raises(CorruptedModelPackageError, match=message):
        AutoModel.from_pretrained(directory)


def test_a_size_that_the_network_cannot_take(bench, torch_bench) -> None:
    directory = bench.package(
        backend="torch",
        files={"model_type.json": {"model_type": "rfdetr-nano"}},
        network_input={"training_input_size": {"height": 80, "width": 80}},
    )
    save(torch_bench, torch_bench.network(bench.TINY), directory / "weights.pth")
    with pytest.raises(CorruptedModelPackageError, match=r"training_input_size in .* multiple of 32, not 80"):
        AutoModel.from_pretrained(directory)


def test_labels_are_needed_where_the_checkpoint_has_none(bench, torch_bench, tmp_path: Path) -> None:
    path = save(torch_bench, torch_bench.network(bench.TINY), tmp_path / "best.pth")
    with pytest.raises(InvalidParameterError, match=r"labels=\[\.\.\.\]"):
        AutoModel.from_pretrained(path, model_type="rfdetr-nano")
    with pytest.raises(InvalidParameterError, match="There are 91 labels, expected 3, or 4"):
        AutoModel.from_pretrained(path, model_type="rfdetr-nano", labels="coco")


def test_coco(bench, torch_bench, tmp_path: Path) -> None:
    path = save(torch_bench, torch_bench.network(bench.TINY, classes=91), tmp_path / "best.pth")
    with AutoModel.from_pretrained(path, model_type="rfdetr-nano", labels="coco", device="cpu") as model:
        [found] = model(bench.picture(), confidence=0.0)
        assert len(found) > 0
        assert all(found.names)


def test_without_transformers_the_plan_says_what_to_install(
    bench, torch_bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(torch_bench, torch_bench.network(bench.TINY), tmp_path / "best.pth")
    lacking = "inference_models.environment.Environment._version"
    monkeypatch.setattr(lacking, lambda self, name: None if name == "transformers" else "9.9")
    with pytest.raises(NoModelPackagesAvailableError, match=r"pip install 'transformers>=5\.5'"):
        AutoModel.from_pretrained(path, model_type="rfdetr-nano", labels=LABELS)


def test_optimised_networks_give_the_same(model_type, bench, torch_bench, network, tmp_path: Path) -> None:
    path = save(torch_bench, network, tmp_path / "best.pth")
    with AutoModel.from_pretrained(path, model_type=model_type, labels=LABELS, device="cpu") as model:
        images = [bench.picture(seed=seed) for seed in range(3)]
        inputs, _ = model.pre_process(images)
        plain = model.forward(inputs)
        model.optimize_for_inference(compile=False, dtype="bfloat16")
        rough = model.forward(inputs)
        assert rough.logits.dtype is torch_bench.torch.float32
        # Rounding changes which queries are best, so some differ altogether.
        assert np.median(np.abs(rough.logits.numpy() - plain.logits.numpy())) < 0.1
        assert not torch_bench.torch.equal(rough.logits, plain.logits)
        model.remove_optimized_model()
        assert torch_bench.torch.equal(model.forward(inputs).logits, plain.logits)


@pytest.mark.parametrize("batch_size", [1, 2])
def test_compiled_networks_split_and_pad(bench, torch_bench, tmp_path, monkeypatch, batch_size: int) -> None:
    """The compiler itself is torch's; what is compiled and how it is called is ours."""
    path = save(torch_bench, torch_bench.network(bench.TINY), tmp_path / "best.pth")
    lengths: list[int] = []

    def compile_module(module: Any, *, dynamic: bool) -> Any:
        assert not dynamic

        def run(images: Any) -> Any:
            lengths.append(len(images))
            return module(images)

        return run

    monkeypatch.setattr("torch.compile", compile_module)
    with AutoModel.from_pretrained(path, model_type="rfdetr-nano", labels=LABELS, device="cpu") as model:
        inputs, _ = model.pre_process([bench.picture(seed=seed) for seed in range(3)])
        plain = model.forward(inputs)
        model.optimize_for_inference(batch_size=batch_size)
        optimised = model.forward(inputs)
        np.testing.assert_allclose(optimised.boxes.numpy(), plain.boxes.numpy(), atol=1e-5)
        assert lengths == [batch_size] * (1 + -(-3 // batch_size))


def test_where_nothing_can_be_compiled(bench, torch_bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("no compiler")

    monkeypatch.setattr("torch.compile", lambda module, *, dynamic: fail)
    path = save(torch_bench, torch_bench.network(bench.TINY), tmp_path / "best.pth")
    with AutoModel.from_pretrained(path, model_type="rfdetr-nano", labels=LABELS, device="cpu") as model:
        with pytest.raises(ModelRuntimeError, match=r"no compiler.*compile=False"):
            model.optimize_for_inference()
        assert len(model(bench.picture())) == 1  # goes on as before


def test_options_of_optimising(bench, torch_bench, tmp_path: Path) -> None:
    path = save(torch_bench, torch_bench.network(bench.TINY), tmp_path / "best.pth")
    model = AutoModel.from_pretrained(path, model_type="rfdetr-nano", labels=LABELS, device="cpu")
    for options in ({"dtype": "int8"}, {"batch_size": 0}, {"batch_size": True}, {"compile": "yes"}):
        with pytest.raises(InvalidParameterError):
            model.optimize_for_inference(**options)
    model.close()
    with pytest.raises(SessionClosedError):
        model.optimize_for_inference()
    with pytest.raises(SessionClosedError):
        model(bench.picture())


def test_batch_sizes_of_the_package(bench, torch_bench) -> None:
    directory = bench.package(
        backend="torch",
        files={"model_type.json": {"model_type": "rfdetr-nano"}},
        forward_pass={"max_dynamic_batch_size": 2},
    )
    network = torch_bench.network(bench.TINY)
    save(torch_bench, network, directory / "weights.pth")
    config = json.loads((directory / "model_config.json").read_text())
    assert config["backend_type"] == "torch"
    with AutoModel.from_pretrained(directory, device="cpu") as model:
        check(model, network, bench, torch_bench)
