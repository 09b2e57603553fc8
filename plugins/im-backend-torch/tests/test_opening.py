"""What opens, what does not, and what is said about it."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest
import torch
from torch import nn

from im_backend_torch.session import open_session
from inference_models import (
    CorruptedModelPackageError,
    DeviceUnavailableError,
    InvalidParameterError,
    ModelLoadingError,
)
from inference_models.developer_tools import ModelPackageMetadata, TensorInfo, TorchScriptPackageDetails

Write = Callable[..., Path]


def about(directory: Path, *devices: str, **fields: object) -> ModelPackageMetadata:
    details = TorchScriptPackageDetails(devices, "2.6.0") if devices else None
    return ModelPackageMetadata("p", "torch-script", directory=directory, backend_details=details, **fields)


@pytest.mark.parametrize("name", ["weights.torchscript", "model.torchscript"])
def test_the_file_has_one_of_two_names(write_archive: Write, networks, name: str) -> None:
    session = open_session(write_archive(networks.Line(), torch.zeros(2), name=name), device="cpu")

    assert session.run({"x": torch.ones(2)})["output0"].tolist() == [3, 3]


def test_a_directory_without_one_is_described(tmp_path: Path) -> None:
    (tmp_path / "weights.pt").touch()

    with pytest.raises(
        CorruptedModelPackageError, match=r"neither weights.torchscript nor model.torchscript.*weights\.pt"
    ):
        open_session(tmp_path)
    with pytest.raises(CorruptedModelPackageError, match="It is empty or missing"):
        open_session(tmp_path / "nowhere")


@pytest.mark.parametrize("kept", [0, 100, 0.3, 0.9, -1])
def test_a_truncated_archive_is_told(package: Path, kept: float) -> None:
    file = package / "weights.torchscript"
    data = file.read_bytes()
    file.write_bytes(data[: int(kept * len(data)) if isinstance(kept, float) else kept])

    with pytest.raises(
        CorruptedModelPackageError, match=r"is not a complete TorchScript archive: .*Download or export"
    ):
        open_session(package, device="cpu")


def test_damaged_bytes_are_opened_or_told(package: Path) -> None:
    file = package / "weights.torchscript"
    data, random = file.read_bytes(), Random(0)
    for _ in range(60):
        damaged = bytearray(data)
        for _ in range(random.choice((1, 4, 32))):
            damaged[random.randrange(len(data))] = random.randrange(256)
        file.write_bytes(damaged)
        with suppress(ModelLoadingError):
            open_session(package, device="cpu").close()


def test_a_checkpoint_is_no_archive(tmp_path: Path) -> None:
    torch.save({"weight": torch.ones(3)}, tmp_path / "weights.torchscript")

    with pytest.raises(CorruptedModelPackageError, match=r"holds no program\. If it is a checkpoint of torch.save"):
        open_session(tmp_path, device="cpu")


def rewrite(file: Path, end: str, data: bytes) -> None:
    """Replace the member of an archive whose name ends so."""
    with zipfile.ZipFile(file) as archive:
        contents = {item.filename: archive.read(item) for item in archive.infolist()}
    assert any(name.endswith(end) for name in contents)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, old in contents.items():
            archive.writestr(name, data if name.endswith(end) else old)


def test_an_archive_of_a_later_torch_asks_for_an_update(package: Path) -> None:
    rewrite(package / "weights.torchscript", "/version", b"99999\n")

    with pytest.raises(ModelLoadingError, match=r"newer torch than the installed .* of format 99999") as caught:
        open_session(package, device="cpu")
    assert not isinstance(caught.value, CorruptedModelPackageError)
    assert caught.value.message.endswith("Update torch.")


def test_an_archive_whose_program_is_no_program_is_told(package: Path) -> None:
    rewrite(package / "weights.torchscript", ".py", b"this is = not a program (")

    with pytest.raises(CorruptedModelPackageError, match="is not a usable TorchScript archive"):
        open_session(package, device="cpu")


def test_an_archive_that_does_not_fit_says_how_much_was_needed(package: Path, monkeypatch) -> None:
    def fill(file: str, map_location: str) -> None:
        torch.empty(1 << 50)

    monkeypatch.setattr(torch.jit, "load", fill)

    with pytest.raises(ModelLoadingError, match="does not fit on the device: cpu has not enough memory for another"):
        open_session(package, device="cpu")


# Torch's own registry of operators cannot be cleaned afterwards, so the archive is made in a process of its own.
WITH_AN_OPERATOR = """
import sys, torch
torch.library.define("torchvision::nms", "(Tensor boxes, Tensor scores, float threshold) -> Tensor")
class Network(torch.nn.Module):
    def forward(self, boxes):
        return torch.ops.torchvision.nms(boxes, boxes[:, 0], 0.5)
torch.jit.save(torch.jit.script(Network()), sys.argv[1])
"""


@pytest.fixture(scope="module")
def needy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a package whose program calls torchvision's operator for non-maximum suppression."""
    directory = tmp_path_factory.mktemp("needy")
    source = directory / "network.py"
    source.write_text(WITH_AN_OPERATOR)
    archive = str(directory / "weights.torchscript")
    subprocess.run([sys.executable, "-W", "ignore", str(source), archive], check=True, timeout=120)
    return directory


def test_a_missing_operator_is_named_with_its_library(needy: Path) -> None:
    with pytest.raises(
        ModelLoadingError, match=r"uses the operator torchvision::nms, .*Install the torchvision that"
    ) as caught:
        open_session(needy, device="cpu")
    assert not isinstance(caught.value, CorruptedModelPackageError), "the file is whole"


def test_an_operator_is_had_from_its_library(needy: Path, tmp_path: Path) -> None:
    """In a process of its own, with a torchvision that registers the operator when it is imported, as the real one."""
    site = tmp_path / "site"
    site.mkdir()
    (site / "torchvision.py").write_text(
        "import torch\n"
        "lib = torch.library.Library('torchvision', 'DEF')\n"
        "lib.define('nms(Tensor boxes, Tensor scores, float threshold) -> Tensor')\n"
        "lib.impl('nms', lambda boxes, scores, threshold: scores.argsort(descending=True), 'CPU')\n"
    )
    program = (
        f"import sys; sys.path.insert(0, {str(site)!r})\n"
        "from im_backend_torch.session import open_session\n"
        "import torch\n"
        f"session = open_session({str(needy)!r}, device='cpu')\n"
        "print(session.run({'boxes': torch.tensor([[1.0], [3.0], [2.0]])})['output0'].tolist())\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, check=True, timeout=120
    )

    assert done.stdout.strip() == "[1, 2, 0]"


def test_half_precision_is_refused_on_the_cpu(write_archive: Write, networks) -> None:
    network = networks.seeded(networks.Convolutions).half()

    with pytest.raises(ModelLoadingError, match=r"half precision \(float16\), which the CPU does not run"):
        open_session(write_archive(network), device="cpu")


def test_an_input_that_is_no_tensor_is_refused(write_archive: Write) -> None:
    class Counting(nn.Module):
        def forward(self, x: torch.Tensor, times: int) -> torch.Tensor:
            return x * times

    with pytest.raises(ModelLoadingError, match="takes 'times' of type int, and only tensors"):
        open_session(write_archive(Counting()), device="cpu")


def test_a_program_without_forward_is_refused(write_archive: Write) -> None:
    class Silent(nn.Module):
        @torch.jit.export
        def say(self, x: torch.Tensor) -> torch.Tensor:
            return x

    with pytest.raises(ModelLoadingError, match="has no method forward"):
        open_session(write_archive(Silent()), device="cpu")


def test_options_and_devices_that_make_no_sense(package: Path) -> None:
    with pytest.raises(InvalidParameterError, match="has no option 'threads'"):
        open_session(package, options={"threads": 1})
    with pytest.raises(InvalidParameterError, match="device='gpu' is not a device"):
        open_session(package, device="gpu")


def test_the_package_says_on_which_devices_it_runs(package: Path) -> None:
    with pytest.raises(DeviceUnavailableError, match="Device 'cpu' was asked for, and the package runs on cuda only"):
        open_session(package, device="cpu", package=about(package, "cuda"))
    assert open_session(package, package=about(package, "cpu")).device == "cpu"


@pytest.mark.parametrize(
    ("fields", "batch", "limits"),
    [
        ({}, None, (1, None)),
        ({"static_batch_size": 4}, 4, (4, 4)),
        ({"dynamic_batch_size_supported": True, "max_dynamic_batch_size": 8}, None, (1, 8)),
    ],
)
def test_the_package_says_how_many_images_run_at_once(package: Path, fields, batch, limits) -> None:
    session = open_session(package, device="cpu", package=about(package, **fields))

    assert session.inputs == (TensorInfo("images", (batch, 3, None, None), "float32"),)
    assert session.batch_range == limits


class Grouped(nn.Module):
    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.layer(images)


@pytest.mark.parametrize(
    ("layer", "example", "shape"),
    [
        (nn.Conv2d(6, 6, 3, groups=3), (1, 6, 8, 8), (None, 6, None, None)),
        (nn.ConvTranspose2d(5, 2, 3), (1, 5, 8, 8), (None, 5, None, None)),
        (nn.Conv1d(2, 3, 3), (1, 2, 8), (None, 2, None)),
        (nn.Conv3d(2, 3, 3), (1, 2, 8, 8, 8), (None, 2, None, None, None)),
        (nn.Linear(7, 2), (1, 7), ()),
        (nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4)), (1, 3, 4, 4), (None, 3, None, None)),
    ],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("traced", [True, False])
def test_the_shape_is_what_the_first_convolution_says(
    write_archive: Write, layer, example, shape, traced: bool
) -> None:
    network = Grouped(layer).eval()
    examples = (torch.zeros(example),) if traced else ()

    (info,) = open_session(write_archive(network, *examples), device="cpu").inputs

    assert info == TensorInfo("images", shape, "float32")


def test_a_program_that_changes_itself_goes_on_doing_so(write_archive: Write) -> None:
    class Counting(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("count", torch.zeros(1))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.count += 1
            return x + self.count

    session = open_session(write_archive(Counting()), device="cpu")

    assert [session.run({"x": torch.zeros(1)})["output0"].item() for _ in range(2)] == [1, 2]


def test_a_program_that_torch_cannot_freeze_runs_as_it_is(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    x = torch.rand(1, 3, 16, 16)
    expected = open_session(package, device="cpu").run({"images": x})["output0"]

    def refuse(module: object) -> None:
        raise RuntimeError("cannot freeze")

    monkeypatch.setattr(torch.jit, "freeze", refuse)
    session = open_session(package, device="cpu")

    assert session.inputs == (TensorInfo("images", (), "float32"),)
    torch.testing.assert_close(session.run({"images": x})["output0"], expected)
