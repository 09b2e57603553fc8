"""Installations of MediaPipe made of files, packages around the committed networks, and pictures for these."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from attrs import frozen

from inference_models.testing import write_package

HERE = Path(__file__).parent
KINDS = {
    "face": ("mediapipe-face-detector", "keypoint-detection", "spot_face_detector.tflite"),
    "objects": ("mediapipe-object-detector", "object-detection", "square_detector.tflite"),
    "classes": ("mediapipe-image-classifier", "classification", "color_classifier.tflite"),
    "labels": ("mediapipe-image-classifier", "multi-label-classification", "color_classifier.tflite"),
}
COLORS = {"blue": (255, 0, 0), "green": (0, 255, 0), "red": (0, 0, 255), "white": (255, 255, 255)}

MakePackage = Callable[..., Path]
Picture = npt.NDArray[np.uint8]


@frozen
class Installation:
    """A directory of `sys.path` and a root of a file system, both made of a few files."""

    site: Path
    root: Path

    @property
    def path(self) -> list[str]:
        return [str(self.site)]

    def add_package(self, name: str, files: Mapping[str, str]) -> None:
        for file in ("__init__.py", *files):
            (self.site / name / file).parent.mkdir(parents=True, exist_ok=True)
            (self.site / name / file).write_text(files.get(file, ""))

    def add_distribution(self, name: str, version: str) -> None:
        directory = self.site / f"{name.replace('-', '_')}-{version}.dist-info"
        directory.mkdir()
        (directory / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")

    def add_opencv(self, name: str = "opencv-contrib-python", *, headless: bool = False) -> None:
        self.add_distribution(name, "5.0.0.93")
        self.add_package("cv2", {"cv2.abi3.so": "", "version.py": f"contrib = True\nheadless = {headless}\n"})

    def add_library(self, name: str, directory: str = "usr/lib/x86_64-linux-gnu") -> None:
        file = self.root / directory / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()

    def add_system(self, **values: str) -> None:
        (self.root / "etc").mkdir(parents=True, exist_ok=True)
        (self.root / "etc/os-release").write_text("".join(f'{key}="{value}"\n' for key, value in values.items()))


@pytest.fixture
def nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installation:
    monkeypatch.delenv("LD_LIBRARY_PATH", raising=False)
    return Installation(tmp_path / "site", tmp_path / "root")


@pytest.fixture
def installation(nothing: Installation) -> Installation:
    """MediaPipe and all that it needs."""
    for name in ("certifi", "flatbuffers", "matplotlib", "numpy"):
        nothing.add_package(name, {})
    nothing.add_package("mediapipe", {"tasks/c/libmediapipe.so": ""})
    nothing.add_distribution("mediapipe", "1.2.2")
    nothing.add_opencv()
    for library in ("libEGL.so.1", "libGLESv2.so.2", "libGL.so.1", "libgthread-2.0.so.0"):
        nothing.add_library(library)
    return nothing


@pytest.fixture
def make_package(tmp_path: Path) -> MakePackage:
    """Write a package of a kind, with a committed network or the given content in its file."""

    def make(kind: str, content: bytes | None = None, *, names: tuple[str, ...] | None = None, file: str = "") -> Path:
        architecture, task, network = KINDS[kind]
        directory = tmp_path / f"package-{len(list(tmp_path.iterdir()))}"
        return write_package(
            directory,
            architecture=architecture,
            task_type=task,
            backend="mediapipe",
            class_names=names,
            files={file or network: network_of(kind) if content is None else content},
        )

    return make


@pytest.fixture
def load(make_package: MakePackage) -> Callable[..., Any]:
    """Write a package and load it as users do."""
    from inference_models import AutoModel

    models: list[Any] = []

    def load_package(kind: str, content: bytes | None = None, **package: Any) -> Any:
        models.append(AutoModel.from_pretrained(make_package(kind, content, **package)))
        return models[-1]

    yield load_package  # type: ignore[misc]
    for model in models:
        model.close()


@pytest.fixture(scope="session")
def make_networks() -> ModuleType:
    """The script that wrote the committed networks."""
    spec = importlib.util.spec_from_file_location("make_networks", HERE / "make_networks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def network() -> Callable[[str], bytes]:
    return network_of


def network_of(kind: str) -> bytes:
    """Return the committed network of a kind of model."""
    return (HERE / "networks" / KINDS[kind][2]).read_bytes()


@pytest.fixture
def paint() -> Callable[..., Picture]:
    """Make a black picture, blue-green-red, with rectangles (left, top, right, bottom) of colours."""

    def make(width: int, height: int, **rectangles: tuple[int, int, int, int]) -> Picture:
        picture = np.zeros((height, width, 3), np.uint8)
        for color, (left, top, right, bottom) in rectangles.items():
            picture[top:bottom, left:right] = COLORS[color]
        return picture

    return make


@pytest.fixture
def by_hand(network: Callable[[str], bytes]) -> Callable[..., Any]:
    """Run a committed network with MediaPipe's own interface on a picture (blue-green-red)."""
    from im_mediapipe.runtime import close_later, mediapipe

    tasks = {"face": "FaceDetector", "objects": "ObjectDetector", "classes": "ImageClassifier"}

    def run(kind: str, picture: Picture, **options: Any) -> Any:
        module = mediapipe()
        vision, base = module.tasks.vision, module.tasks.BaseOptions(model_asset_buffer=network(kind))
        given = getattr(vision, f"{tasks[kind]}Options")(base_options=base, **options)
        image = module.Image(module.ImageFormat.SRGB, np.ascontiguousarray(picture[..., ::-1]))
        task = getattr(vision, tasks[kind]).create_from_options(given)
        try:
            return task.classify(image) if kind == "classes" else task.detect(image)
        finally:
            close_later(task)

    return run
