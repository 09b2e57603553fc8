"""Weights are read as data: what is not is refused, and named."""

from __future__ import annotations

import argparse
import pickle
import threading
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest
import torch
from safetensors.torch import save_file

from im_backend_torch.toolkit import Toolkit, make_toolkit
from inference_models import CorruptedModelPackageError, ModelLoadingError

WEIGHTS = {"layer.weight": torch.arange(6.0).reshape(2, 3), "layer.bias": torch.tensor([1.0, 2.0], dtype=torch.float16)}


@pytest.fixture
def toolkit() -> Toolkit:
    return make_toolkit(device="cpu")


def assert_same(given: dict[str, torch.Tensor]) -> None:
    assert list(given) == list(WEIGHTS)
    for name, tensor in WEIGHTS.items():
        assert given[name].dtype == tensor.dtype
        assert torch.equal(given[name], tensor)


def test_safetensors(toolkit: Toolkit, tmp_path: Path) -> None:
    save_file(dict(reversed(WEIGHTS.items())), tmp_path / "weights.safetensors")

    given = toolkit.load_state_dict(tmp_path / "weights.safetensors")

    assert_same({name: given[name] for name in WEIGHTS})


@pytest.mark.parametrize(
    "contents",
    [
        WEIGHTS,
        OrderedDict(WEIGHTS),
        {"state_dict": WEIGHTS, "epoch": 3},
        {"model": WEIGHTS, "optimizer": {"lr": 0.1}, "note": "best"},
        {"model_state_dict": OrderedDict(WEIGHTS)},
    ],
)
def test_checkpoints_alone_or_among_other_things(toolkit: Toolkit, tmp_path: Path, contents: object) -> None:
    torch.save(contents, tmp_path / "weights.pth")

    assert_same(toolkit.load_state_dict(str(tmp_path / "weights.pth")))


def test_checkpoints_in_the_format_of_old(toolkit: Toolkit, tmp_path: Path) -> None:
    torch.save(WEIGHTS, tmp_path / "weights.pth", _use_new_zipfile_serialization=False)

    assert_same(toolkit.load_state_dict(tmp_path / "weights.pth"))


def test_a_class_is_let_in_for_one_file_only(toolkit: Toolkit, tmp_path: Path) -> None:
    file, before = tmp_path / "weights.pth", set(torch.serialization.get_safe_globals())
    torch.save({"model": WEIGHTS, "args": argparse.Namespace(lr=0.1)}, file)

    with pytest.raises(CorruptedModelPackageError, match=r"holds an object of argparse\.Namespace, which is code"):
        toolkit.load_state_dict(file)
    assert_same(toolkit.load_state_dict(file, allowed_classes=[argparse.Namespace]))
    assert set(torch.serialization.get_safe_globals()) == before
    with pytest.raises(CorruptedModelPackageError, match=r"argparse\.Namespace"):
        toolkit.load_state_dict(file)


def test_a_class_let_in_by_one_thread_is_not_let_in_for_another(toolkit: Toolkit, tmp_path: Path) -> None:
    file, before = tmp_path / "weights.pth", set(torch.serialization.get_safe_globals())
    torch.save({"model": WEIGHTS, "args": argparse.Namespace(lr=0.1)}, file)
    surprises: list[object] = []

    def work(allowed: bool) -> None:
        for _ in range(40):
            try:
                toolkit.load_state_dict(file, allowed_classes=[argparse.Namespace] if allowed else [])
            except CorruptedModelPackageError as error:
                if allowed:
                    surprises.append(error)
            else:
                if not allowed:
                    surprises.append("it was let in")

    threads = [threading.Thread(target=work, args=(number % 2 == 0,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert surprises == []
    assert set(torch.serialization.get_safe_globals()) == before


class Evil:
    """Runs code when it is unpickled in the ordinary way."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return Path.touch, (self.marker,)


def test_code_does_not_run_and_no_advice_to_run_it_is_passed_on(toolkit: Toolkit, tmp_path: Path) -> None:
    file, marker = tmp_path / "weights.pth", tmp_path / "ran"
    torch.save({**WEIGHTS, "evil": Evil(marker)}, file)
    (tmp_path / "plain.pkl").write_bytes(pickle.dumps(Evil(marker), protocol=2))

    for name in ("weights.pth", "plain.pkl"):
        with pytest.raises(CorruptedModelPackageError) as caught:
            toolkit.load_state_dict(tmp_path / name)
        assert "weights_only" not in caught.value.message
        assert "Save the weights alone" in caught.value.message or "Download or export" in caught.value.message
    assert not marker.exists()


def test_a_whole_module_is_refused_by_its_class(toolkit: Toolkit, tmp_path: Path) -> None:
    torch.save(torch.nn.Linear(2, 2), tmp_path / "weights.pth")

    with pytest.raises(
        CorruptedModelPackageError, match=r"holds an object of torch\.nn\.modules\.linear\.Linear, which is"
    ):
        toolkit.load_state_dict(tmp_path / "weights.pth")


@pytest.mark.filterwarnings("ignore:.*pickle protocol:UserWarning")
@pytest.mark.parametrize("kind", ["pth", "old", "safetensors"])
def test_damaged_bytes_are_read_or_told(toolkit: Toolkit, tmp_path: Path, kind: str) -> None:
    file = tmp_path / f"weights.{'safetensors' if kind == 'safetensors' else 'pth'}"
    if kind == "safetensors":
        save_file(WEIGHTS, file)
    else:
        torch.save(WEIGHTS, file, _use_new_zipfile_serialization=kind == "pth")
    data, random = file.read_bytes(), Random(0)
    for _ in range(60):
        damaged = bytearray(data)
        for _ in range(random.choice((1, 4, 32))):
            damaged[random.randrange(len(data))] = random.randrange(256)
        file.write_bytes(damaged)
        with suppress(ModelLoadingError):
            assert toolkit.load_state_dict(file)


@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
@pytest.mark.parametrize("kept", [0, 5, 0.5, -1])
def test_truncated_files_are_told(toolkit: Toolkit, tmp_path: Path, suffix: str, kept: float) -> None:
    file = tmp_path / f"weights.{suffix}"
    save_file(WEIGHTS, file) if suffix == "safetensors" else torch.save(WEIGHTS, file)
    data = file.read_bytes()
    file.write_bytes(data[: int(kept * len(data)) if isinstance(kept, float) else kept])

    with pytest.raises(
        CorruptedModelPackageError, match=r"weights\..*Download or export the package again\."
    ) as caught:
        toolkit.load_state_dict(file)
    assert "weights_only" not in caught.value.message


def test_what_is_no_checkpoint_at_all_is_told(toolkit: Toolkit, tmp_path: Path) -> None:
    (tmp_path / "weights.pth").write_bytes(b"\x80\x02Q.")

    with pytest.raises(CorruptedModelPackageError, match=r"is not a .*checkpoint.*Download or export"):
        toolkit.load_state_dict(tmp_path / "weights.pth")


def test_a_missing_file_is_told_with_what_is_there(toolkit: Toolkit, tmp_path: Path) -> None:
    (tmp_path / "model.bin").touch()

    with pytest.raises(CorruptedModelPackageError, match=r"weights\.pth is missing\. Its directory has: model\.bin"):
        toolkit.load_state_dict(tmp_path / "weights.pth")


@pytest.mark.parametrize(
    ("contents", "found"),
    [
        ({"epoch": 3}, "{'epoch': int}"),
        ({**WEIGHTS, "step": 3}, "{'layer.weight': Tensor, 'layer.bias': Tensor, 'step': int}"),
        ({}, "{}"),
        ([torch.ones(1)], "an object of type list"),
        (torch.ones(1), "an object of type Tensor"),
    ],
)
def test_what_holds_no_weights_by_name_is_described(
    toolkit: Toolkit, tmp_path: Path, contents: object, found: str
) -> None:
    torch.save(contents, tmp_path / "weights.pth")

    with pytest.raises(CorruptedModelPackageError) as caught:
        toolkit.load_state_dict(tmp_path / "weights.pth")
    assert f"found {found}. Save the weights alone" in caught.value.message


def test_a_torchscript_archive_is_told_apart(toolkit: Toolkit, package: Path) -> None:
    with pytest.raises(CorruptedModelPackageError, match="is a TorchScript archive, and weights were expected"):
        toolkit.load_state_dict(package / "weights.torchscript")
