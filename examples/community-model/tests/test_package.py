from __future__ import annotations

import filecmp
import json
import shutil
import subprocess
import sys

import onnx
import pytest

from community_model import package_path
from community_model.package import CONFIG_NAME, QualityConfig
from inference_models import AutoModel, CorruptedModelPackageError


def test_the_package_is_the_one_that_the_export_writes(tmp_path) -> None:
    run = [sys.executable, "-m", "community_model.export", str(tmp_path / "made")]
    assert subprocess.run(run, capture_output=True, text=True, check=True).stdout.strip() == str(tmp_path / "made")
    names = sorted(path.name for path in package_path().iterdir())
    assert sorted(path.name for path in (tmp_path / "made").iterdir()) == names
    _, differ, broken = filecmp.cmpfiles(package_path(), tmp_path / "made", [n for n in names if n.endswith(".json")])
    assert (differ, broken) == ([], [])
    # Not byte by byte: releases of onnx may write one network in several ways.
    assert onnx.load(tmp_path / "made/weights.onnx") == onnx.load(package_path() / "weights.onnx")
    onnx.checker.check_model(onnx.load(package_path() / "weights.onnx"), full_check=True)


def test_a_package_with_a_limit_of_its_own(tmp_path, photos) -> None:
    directory = shutil.copytree(package_path(), tmp_path / "strict")
    config = json.loads((directory / CONFIG_NAME).read_text())
    config["measures"][0]["highest"] = 0.1
    (directory / CONFIG_NAME).write_text(json.dumps(config))
    with AutoModel.from_pretrained(directory) as model:
        assert model(photos["coffee"])[0].failures == ["blur"]


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ("{", "cannot be read as JSON"),
        ("[]", "longer_edge must be"),
        ('{"longer_edge": 3, "measures": []}', "longer_edge must be a number of pixels from 16"),
        ('{"longer_edge": 100}', "measures must be a list"),
        ('{"longer_edge": 100, "measures": [{"highest": 1}]}', "needs a name"),
        ('{"longer_edge": 100, "measures": [{"name": "a", "lowest": "1"}]}', "limits of 'a' must be numbers"),
        ('{"longer_edge": 100, "measures": [{"name": "a", "lowest": 2, "highest": 1}]}', "nothing that passes"),
    ],
)
def test_a_config_that_cannot_be_used(tmp_path, document, reason) -> None:
    (tmp_path / CONFIG_NAME).write_text(document)
    with pytest.raises(CorruptedModelPackageError, match=rf"{CONFIG_NAME} cannot be used: .*{reason}"):
        QualityConfig.read(tmp_path)


def test_a_package_without_a_config(tmp_path) -> None:
    directory = shutil.copytree(package_path(), tmp_path / "bare")
    (directory / CONFIG_NAME).unlink()
    with pytest.raises(CorruptedModelPackageError, match="it is missing"):
        AutoModel.from_pretrained(directory)
