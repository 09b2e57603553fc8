"""Packages with code of their own: run only on permission, imported as proper modules, never from elsewhere."""

from __future__ import annotations

import json
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from inference_models import AutoModel
from inference_models.errors import (
    CorruptedModelPackageError,
    ForbiddenLocalCodePackageAccessError,
    InvalidParameterError,
)

MODEL = """
    from __future__ import annotations
    from dataclasses import dataclass
    from pathlib import Path
    from .helper import GREETING

    @dataclass
    class Settings:
        greeting: str = GREETING
        device: str | None = None

    class MyModel:
        def __init__(self, directory: str, settings: Settings) -> None:
            self.directory, self.settings = directory, settings

        @classmethod
        def from_pretrained(cls, model_name_or_path: str, *, device: str | None = None, loud: bool = False):
            settings = Settings(device=device)
            if loud:
                settings.greeting = settings.greeting.upper()
            return cls(model_name_or_path, settings)
"""


def package(directory: Path, *, greeting: str = "hello", model: str = MODEL, **config: object) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    document = {"model_module": "model.py", "model_class": "MyModel", **config}
    (directory / "model_config.json").write_text(json.dumps(document), "utf-8")
    (directory / "model.py").write_text(dedent(model), "utf-8")
    (directory / "helper.py").write_text(f"GREETING = {greeting!r}\n", "utf-8")
    return directory


def load(directory: Path, **options: object):
    return AutoModel.from_pretrained(directory, allow_local_code_packages=True, **options)


def test_code_runs_only_on_permission(tmp_path: Path) -> None:
    directory = package(tmp_path, model="raise AssertionError('it ran')")
    with pytest.raises(ForbiddenLocalCodePackageAccessError, match="allow_local_code_packages=True"):
        AutoModel.from_pretrained(directory)


def test_dataclasses_relative_imports_and_options_work(tmp_path: Path) -> None:
    model = load(package(tmp_path), device="cpu", loud=True)
    assert (model.directory, model.settings.greeting, model.settings.device) == (str(tmp_path), "HELLO", "cpu")
    assert pickle.loads(pickle.dumps(model.settings)) == model.settings


def test_a_model_can_be_pickled_after_the_same_package_was_loaded_again(tmp_path: Path) -> None:
    first = load(package(tmp_path))
    second = load(tmp_path)
    assert type(first) is type(second)
    assert pickle.loads(pickle.dumps(first)).settings == first.settings


def test_two_packages_with_the_same_file_names_do_not_meet(tmp_path: Path) -> None:
    first = load(package(tmp_path / "a", greeting="first"))
    second = load(package(tmp_path / "b", greeting="second"))
    assert (first.settings.greeting, second.settings.greeting) == ("first", "second")
    assert type(first) is not type(second)


LAZY = """
    class MyModel:
        def __init__(self, directory):
            self.directory = directory

        @classmethod
        def from_pretrained(cls, model_name_or_path):
            return cls(model_name_or_path)

        @property
        def greeting(self):
            from .helper import GREETING
            return GREETING
"""


def test_what_is_imported_later_comes_from_the_package_that_was_allowed(tmp_path: Path, monkeypatch) -> None:
    models = []
    for name in ("first", "second"):
        package(tmp_path / name / "package", greeting=name, model=LAZY)
        monkeypatch.chdir(tmp_path / name)
        models.append(AutoModel.from_pretrained("./package", allow_local_code_packages=True))
    monkeypatch.chdir("/")
    assert [model.greeting for model in models] == ["first", "second"]
    assert [model.directory for model in models] == [str(tmp_path / name / "package") for name in ("first", "second")]


def test_a_link_that_is_led_elsewhere_does_not_change_a_loaded_package(tmp_path: Path) -> None:
    link = tmp_path / "current"
    link.symlink_to(package(tmp_path / "first", greeting="first", model=LAZY))
    model = load(link)
    link.unlink()
    link.symlink_to(package(tmp_path / "second", greeting="second", model=LAZY))
    assert model.greeting == "first"
    assert load(link).greeting == "second"


def test_one_directory_is_one_package_however_it_is_written(tmp_path: Path, monkeypatch) -> None:
    first = load(package(tmp_path / "package"))
    monkeypatch.chdir(tmp_path)
    assert type(load(Path("package"))) is type(first)
    assert pickle.loads(pickle.dumps(first)).settings == first.settings


def test_a_changed_module_is_imported_anew(tmp_path: Path) -> None:
    load(package(tmp_path))
    changed = MODEL.replace("loud: bool = False", "loud: bool = True") + "    # longer\n"
    assert load(package(tmp_path, model=changed)).settings.greeting == "HELLO"


def test_links_to_nowhere_are_no_part_of_the_code(tmp_path: Path) -> None:
    directory = package(tmp_path)
    (directory / ".#model.py").symlink_to("me@host.123:456")  # as Emacs marks a file that it has not saved yet
    first = load(directory)
    assert type(load(directory)) is type(first)


def test_threads_may_load_one_package_at_the_same_time(tmp_path: Path) -> None:
    directory = package(tmp_path, model=f"{dedent(MODEL)}\nimport time\ntime.sleep(0.05)\n")
    helper = directory / "helper.py"
    helper.write_text(f"import time\ntime.sleep(0.05)\n{helper.read_text('utf-8')}", "utf-8")
    with ThreadPoolExecutor(4) as threads:
        models = list(threads.map(lambda _: load(directory), range(4)))
    assert {model.settings.greeting for model in models} == {"hello"}


def test_a_module_in_a_folder_of_the_package(tmp_path: Path) -> None:
    directory = package(tmp_path, model_module="code/model.py")
    (directory / "code").mkdir()
    for name in ("model.py", "helper.py"):
        (directory / name).rename(directory / "code" / name)
    assert load(directory).settings.greeting == "hello"


@pytest.mark.parametrize("ask", [AutoModel.explain, AutoModel.describe_model])
@pytest.mark.parametrize("others", [{}, {"model_architecture": "mine", "backend_type": "onnx"}])
def test_nothing_is_told_about_such_a_package(tmp_path: Path, ask: Any, others: dict[str, str]) -> None:
    directory = package(tmp_path, model="raise AssertionError('it ran')", **others)
    with pytest.raises(InvalidParameterError, match=r"code of its own \('model.py'\).*nothing to explain, describe"):
        ask(directory)


def test_other_keys_do_not_make_it_an_ordinary_package(tmp_path: Path) -> None:
    config = {"model_architecture": "mine", "task_type": "counting", "backend_type": "onnx"}
    assert load(package(tmp_path, **config)).settings.greeting == "hello"


@pytest.mark.parametrize(
    "name", ["../evil.py", "ABSOLUTE", "link.py", "missing.py", "model.txt", "", None, 7, "a\0.py", "a-b.py"]
)
def test_the_module_must_be_a_file_of_the_package(tmp_path: Path, name: object) -> None:
    evil = tmp_path / "evil.py"
    evil.write_text("raise AssertionError('it ran')", "utf-8")
    directory = package(tmp_path / "package")
    (directory / "link.py").symlink_to(evil)
    (directory / "a-b.py").write_text("", "utf-8")
    package(directory, model_module=str(evil) if name == "ABSOLUTE" else name)
    with pytest.raises(CorruptedModelPackageError, match="'model_module' must be the name of a Python file"):
        load(directory)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"model_class": None}, "'model_class' must be the name of a class"),
        ({"model_class": "not a name"}, "'model_class' must be the name of a class"),
        ({"model_class": "Other"}, "has no class 'Other' with a from_pretrained method"),
        ({"model_class": "Settings"}, "has no class 'Settings' with a from_pretrained method"),
        ({"model_class": "GREETING"}, "has no class 'GREETING' with a from_pretrained method"),
        ({"model": "import no_such_module"}, "does not import: ModuleNotFoundError: No module named 'no_such_module'"),
        ({"model": "def :"}, "does not import: SyntaxError"),
        ({"model": "raise SystemExit(3)"}, "does not import: SystemExit: 3"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, changes: dict[str, object], expected: str) -> None:
    with pytest.raises(CorruptedModelPackageError) as caught:
        load(package(tmp_path, **changes))
    assert expected in str(caught.value)


def test_a_name_that_the_class_does_not_take_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InvalidParameterError, match=r"Nothing accepts lod=.*Did you mean 'loud'"):
        load(package(tmp_path), lod=True)


SEEDS_EXAMPLE = '''
    """The example of the contributors' guide, completed."""

    from pathlib import Path
    from typing import List, Tuple, Union
    import torch
    import numpy as np
    from inference_models import ObjectDetectionModel, Detections
    from inference_models.developer_tools import get_model_package_contents

    class YourObjectDetectionModel(ObjectDetectionModel[torch.Tensor, dict, torch.Tensor]):
        """Your object detection model implementation."""

        @classmethod
        def from_pretrained(
            cls,
            model_name_or_path: str,
            **kwargs
        ) -> "YourObjectDetectionModel":
            device = kwargs.get("device", "cuda" if torch.cuda.is_available() else "cpu")
            return cls(model_path=model_name_or_path, device=device)

        def __init__(self, model_path: str, device: str = "cuda"):
            self.device = device
            contents = get_model_package_contents(model_path)
            self._class_names = Path(contents["class_names.txt"]).read_text().split()
            self._weights = torch.load(contents["weights.pt"], weights_only=True)

        @property
        def class_names(self) -> List[str]:
            return self._class_names

        def pre_process(
            self,
            images: Union[torch.Tensor, List[torch.Tensor], np.ndarray, List[np.ndarray]],
            **kwargs
        ) -> Tuple[torch.Tensor, dict]:
            return torch.from_numpy(images)[None].float(), {"height": images.shape[0], "width": images.shape[1]}

        def forward(self, pre_processed_images: torch.Tensor, **kwargs) -> torch.Tensor:
            return pre_processed_images.mean(dim=(1, 2)) @ self._weights

        def post_process(
            self,
            model_results: torch.Tensor,
            pre_processing_meta: dict,
            **kwargs
        ) -> List[Detections]:
            size = torch.tensor([[0, 0, pre_processing_meta["width"], pre_processing_meta["height"]]])
            best = model_results.max(dim=1)
            return [Detections(xyxy=size, class_id=best.indices, confidence=best.values, class_names=self._class_names)]
'''


def test_the_example_of_the_guide_runs_completed(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    import numpy as np

    directory = package(tmp_path, model=SEEDS_EXAMPLE, model_class="YourObjectDetectionModel")
    (directory / "class_names.txt").write_text("dark\nbright\n", "utf-8")
    torch.save(torch.tensor([[0.0, 1 / 255], [0.0, 0.0], [0.0, 0.0]]), directory / "weights.pt")
    [detections] = load(directory)(np.full((4, 6, 3), 255, np.uint8))
    assert list(detections.names) == ["bright"]
    assert detections.xyxy.tolist() == [[0.0, 0.0, 6.0, 4.0]]
