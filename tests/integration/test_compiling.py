"""`im compile` with a plugin that really compiles: what is made is found, ranked, described, loaded and removed."""

from __future__ import annotations

import json
import logging
import os
import runpy
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

import im_demo
from inference_models import AutoModel, load_image
from inference_models.cli.application import im
from inference_models.testing.fakes import installed_plugin

MODEL_ID = "workspace/shapes/3"
SOURCES = runpy.run_path(str(Path(__file__).with_name("optimiser_plugin.py")))
OPTIONS: dict[str, Any] = {"modules": {"optimiser": SOURCES["COMPILER"]}}
demo_package = runpy.run_path(str(Path(__file__).with_name("conftest.py")))["demo_package"]
DEMO = Path(im_demo.__file__).parent / "packages" / "shapes" / "onnx-fp32"

Im = Callable[..., Result]


@pytest.fixture
def im_run() -> Im:
    return lambda *arguments: CliRunner().invoke(im, [str(argument) for argument in arguments], prog_name="im")


@pytest.fixture
def optimiser(api, tmp_path: Path) -> Iterator[Path]:
    """Install the plugin, beside the API that knows the demo detector."""
    with installed_plugin(tmp_path / "site", "im-optimiser", SOURCES["PLUGIN"], **OPTIONS) as directory:
        yield directory


@pytest.fixture
def local_model(tmp_path: Path) -> Path:
    """The demo detector as a directory."""
    directory = tmp_path / "my-model"
    shutil.copytree(DEMO, directory)
    config = {"model_architecture": "yolov8", "task_type": "object-detection", "backend_type": "onnx"}
    (directory / "model_config.json").write_text(json.dumps(config))
    return directory


def succeed(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return result.stdout


def backend_in_use() -> str:
    """Return the backend of the package that a load takes."""
    records: list[logging.LogRecord] = []
    handler, logger = logging.Handler(), logging.getLogger("inference_models.loading.way")
    handler.emit = records.append  # type: ignore[method-assign]
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        AutoModel.from_pretrained(MODEL_ID).close()
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)
    [loaded] = [record for record in records if record.msg.startswith("Loaded package")]
    return str(loaded.args[2])


def left_in(home: Path) -> list[str]:
    """Return the packages in the cache and what is not one."""
    return sorted(path.name for path in home.glob("workspace*/*"))


@pytest.mark.usefixtures("optimiser")
class TestInTheCache:
    def test_what_is_made_is_found_ranked_described_and_predicts_the_same(self, im_run: Im, home: Path) -> None:
        picture = load_image(im_demo.picture_path())
        [expected] = AutoModel.from_pretrained(MODEL_ID)(picture)

        made = json.loads(succeed(im_run("compile", MODEL_ID, "--backend", "optimised", "--batch", 1, "--json")))

        assert (made["backend"], made["made_from"], made["batch_size"]) == ("optimised", "onnx-fp32", "1")
        assert Path(made["directory"]).parent.parent == home
        plan = AutoModel.explain(MODEL_ID)
        assert [verdict.package.package_id for verdict in plan.candidates] == [made["package_id"], "onnx-fp32"]
        [found] = AutoModel.from_pretrained(MODEL_ID)(picture)
        np.testing.assert_allclose(found.xyxy, expected.xyxy, atol=1e-3)
        assert backend_in_use() == "optimised"
        assert made["package_id"] in succeed(im_run("describe", MODEL_ID))
        described = succeed(im_run("describe", MODEL_ID, "--package", made["package_id"]))
        assert "opset" in described
        assert "class_names.txt" in described
        succeed(im_run("cache", "verify", MODEL_ID))

    def test_it_inherits_the_model_card(self, api, im_run: Im, monkeypatch: pytest.MonkeyPatch) -> None:
        card = {"weightsLicense": "MIT", "source": "a notebook", "version": "7"}
        api.add_model(MODEL_ID, [demo_package(api.files, **card)])
        made = json.loads(succeed(im_run("compile", MODEL_ID, "--backend", "optimised", "--json")))
        monkeypatch.setenv("INFERENCE_MODELS_OFFLINE", "1")
        described = {verdict.package.package_id: verdict.package for verdict in AutoModel.explain(MODEL_ID).verdicts}
        package = described[made["package_id"]]
        assert (package.weights_license, package.source, package.version) == tuple(card.values())

    def test_what_was_decided_before_is_decided_anew_and_then_remembered(self, api, im_run: Im) -> None:
        assert backend_in_use() == "onnx"
        succeed(im_run("compile", MODEL_ID, "--backend", "optimised"))
        assert backend_in_use() == "optimised"
        asked = api.count()
        assert backend_in_use() == "optimised"
        assert api.count() == asked, "the second load asks nobody"

    def test_without_a_network_it_is_loaded_too(self, api, im_run: Im, monkeypatch: pytest.MonkeyPatch) -> None:
        succeed(im_run("compile", MODEL_ID, "--backend", "optimised"))
        api.close()
        monkeypatch.setenv("INFERENCE_MODELS_OFFLINE", "1")
        assert backend_in_use() == "optimised"
        succeed(im_run("compile", MODEL_ID, "--backend", "optimised", "--batch", 2))

    def test_it_came_from_no_origin_that_a_policy_could_forbid(
        self, im_run: Im, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        succeed(im_run("compile", MODEL_ID, "--backend", "optimised"))
        (tmp_path / "policy.toml").write_text("[origins]\nallow = []")
        monkeypatch.setenv("INFERENCE_MODELS_POLICY", str(tmp_path / "policy.toml"))
        monkeypatch.setenv("INFERENCE_MODELS_OFFLINE", "1")
        assert backend_in_use() == "optimised"

    def test_made_again_it_takes_the_place_of_the_earlier_one(self, im_run: Im, home: Path) -> None:
        first = succeed(im_run("compile", MODEL_ID, "--backend", "optimised"))
        assert succeed(im_run("compile", MODEL_ID, "--backend", "optimised")) == first
        other = succeed(im_run("compile", MODEL_ID, "--backend", "optimised", "--batch", "4"))
        assert other != first
        assert len(left_in(home)) == 3

    def test_removed_or_damaged_it_is_no_longer_used(self, im_run: Im) -> None:
        directory = Path(succeed(im_run("compile", MODEL_ID, "--backend", "optimised")).strip())
        assert backend_in_use() == "optimised"
        (directory / "weights.onnx").write_bytes(b"cut")
        assert backend_in_use() == "onnx"
        [verdict] = [one for one in AutoModel.explain(MODEL_ID).verdicts if one.package.package_id == directory.name]
        assert "'weights.onnx' is changed" in (verdict.reason or "")
        succeed(im_run("cache", "remove", MODEL_ID, "--package", directory.name, "--yes"))
        assert [one.package.package_id for one in AutoModel.explain(MODEL_ID).verdicts] == ["onnx-fp32"]

    def test_it_travels_in_a_bundle(self, im_run: Im, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        succeed(im_run("compile", MODEL_ID, "--backend", "optimised"))
        succeed(im_run("bundle", "export", MODEL_ID, tmp_path / "bundle"))
        monkeypatch.setenv("INFERENCE_HOME", str(tmp_path / "elsewhere"))
        assert backend_in_use() == "onnx"
        succeed(im_run("bundle", "import", tmp_path / "bundle"))
        assert backend_in_use() == "optimised"

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            (("--fp16",), "this optimiser knows no half precision"),
            (("--batch", "76"), "im-optimiser 1.0 failed on package 'onnx-fp32': ZeroDivisionError: a bug"),
            (("--batch", "75"), "cannot read what it says about it"),
        ],
    )
    def test_a_compilation_that_fails_leaves_nothing(self, im_run: Im, home: Path, options, said: str) -> None:
        result = im_run("compile", MODEL_ID, "--backend", "optimised", *options)
        assert result.exit_code == 1
        assert said in result.stderr
        assert left_in(home) == ["onnx-fp32"]
        assert backend_in_use() == "onnx"


@pytest.mark.usefixtures("optimiser")
class TestChoosing:
    def test_an_untrusted_package_makes_an_untrusted_one(self, api, im_run: Im) -> None:
        api.add_model(MODEL_ID, [demo_package(api.files, trustedSource=False)])
        refused = im_run("compile", MODEL_ID, "--backend", "optimised")
        assert refused.exit_code == 1
        assert "does not mark it as trusted" in refused.stderr
        succeed(im_run("compile", MODEL_ID, "--backend", "optimised", "--allow-untrusted-packages"))
        verdicts = AutoModel.explain(MODEL_ID).verdicts
        assert [(one.package.backend, one.rejected_by) for one in verdicts] == [
            ("optimised", "is_trusted"),
            ("onnx", "is_trusted"),
        ]

    def test_the_most_precise_package_is_taken(self, api, im_run: Im) -> None:
        static = {"type": "onnx-model-package-v1", "backendType": "onnx", "dynamicBatchSize": False, "opset": 17}
        packages = [
            demo_package(api.files, "half", packageManifest={**static, "staticBatchSize": 1, "quantization": "fp16"}),
            demo_package(api.files, "fixed", packageManifest={**static, "staticBatchSize": 1, "quantization": "fp32"}),
            demo_package(api.files, "free"),
        ]
        api.add_model(MODEL_ID, packages)
        made = json.loads(succeed(im_run("compile", MODEL_ID, "--backend", "optimised", "--json")))
        assert made["made_from"] == "free"

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            ((MODEL_ID, "--backend", "onnx"), "cannot be made here"),
            ((MODEL_ID, "--backend", "optimized"), "optimised"),
            ((MODEL_ID, "--backend", "optimised", "--package", "none"), "another package was asked for"),
        ],
    )
    def test_what_cannot_be_compiled_is_said_before_anything_is_fetched(
        self, im_run: Im, home: Path, arguments, said: str
    ) -> None:
        result = im_run("compile", *arguments)
        assert result.exit_code == 1
        assert said in result.stderr
        assert left_in(home) == []

    @pytest.mark.parametrize("batch", ["0", "4,2,8", "1,2", "many", "1,2,3,4"])
    def test_a_batch_that_makes_no_sense(self, im_run: Im, batch: str) -> None:
        result = im_run("compile", MODEL_ID, "--backend", "optimised", "--batch", batch)
        assert result.exit_code == 2
        assert "rising" in result.stderr


@pytest.mark.usefixtures("optimiser")
class TestDirectories:
    def test_a_directory_becomes_a_directory(self, im_run: Im, local_model: Path, tmp_path: Path) -> None:
        output = tmp_path / "compiled"
        printed = succeed(im_run("compile", local_model, "--backend", "optimised", "--output", output))
        assert printed.strip() == str(output)
        config = json.loads((output / "model_config.json").read_text())
        assert (config["backend_type"], config["static_batch_size"]) == ("optimised", 1)
        assert config["manifest"]["builtWith"]
        [found] = AutoModel.from_pretrained(output)(load_image(im_demo.picture_path()))
        assert len(found) > 3
        assert not [path for path in tmp_path.iterdir() if path.name.startswith(".im-")]

    def test_it_needs_a_place(self, im_run: Im, local_model: Path) -> None:
        result = im_run("compile", local_model, "--backend", "optimised")
        assert result.exit_code == 1
        assert "--output" in result.stderr

    def test_the_network_of_a_package_stands_for_it(self, im_run: Im, local_model: Path, tmp_path: Path) -> None:
        output = tmp_path / "new"
        succeed(im_run("compile", local_model / "weights.onnx", "--backend", "optimised", "--output", output))
        assert (output / "class_names.txt").read_bytes() == (local_model / "class_names.txt").read_bytes()

    def test_a_network_alone_is_no_model(self, im_run: Im, local_model: Path, tmp_path: Path) -> None:
        (local_model / "model_config.json").unlink()
        result = im_run("compile", local_model / "weights.onnx", "--backend", "optimised", "--output", tmp_path / "new")
        assert result.exit_code == 1
        assert "a network alone is no model" in result.stderr

    def test_nothing_is_written_over(self, im_run: Im, local_model: Path) -> None:
        before = sorted(path.name for path in local_model.iterdir())
        result = im_run("compile", local_model, "--backend", "optimised", "--output", local_model)
        assert result.exit_code == 1
        assert "not an empty directory" in result.stderr
        assert sorted(path.name for path in local_model.iterdir()) == before

    def test_a_manifest_for_another_backend_is_refused(self, im_run: Im, local_model: Path, tmp_path: Path) -> None:
        output = tmp_path / "compiled"
        succeed(im_run("compile", local_model, "--backend", "optimised", "--output", output))
        text = (
            (output / "model_config.json").read_text().replace('"backend_type": "optimised"', '"backend_type": "onnx"')
        )
        (output / "model_config.json").write_text(text)
        result = im_run("describe", output)
        assert result.exit_code == 1
        assert "'manifest' is for 'optimised'" in result.stderr


@pytest.mark.skipif(os.name == "nt", reason="pseudo-terminals")
def test_on_a_terminal_a_bar_shows_how_far_it_is(optimiser: Path, local_model: Path, tmp_path: Path) -> None:
    import pty

    command = [sys.executable, "-m", "inference_models.cli", "compile", str(local_model), "--backend", "optimised"]
    ours, theirs = pty.openpty()
    environment = {**os.environ, "PYTHONPATH": str(optimiser), "TERM": "xterm", "COLUMNS": "100"}
    arguments = [*command, "--output", str(tmp_path / "compiled")]
    run = subprocess.run(arguments, env=environment, stdout=subprocess.PIPE, stderr=theirs, timeout=60, check=True)
    os.close(theirs)
    assert run.stdout.decode().strip() == str(tmp_path / "compiled")
    shown = os.read(ours, 1 << 16).decode()
    os.close(ours)
    assert "publishing" in shown
    assert "\x1b[" in shown


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_a_compilation_that_is_killed_leaves_nothing_that_is_ever_used(
    optimiser: Path, im_run: Im, local_model: Path, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    output = tmp_path / "place" / "compiled"
    command = [sys.executable, "-m", "inference_models.cli", "compile", str(local_model), "--backend", "optimised"]
    environment = {**os.environ, "PYTHONPATH": str(optimiser)}
    arguments = [*command, "--batch", "77", "--output", str(output)]
    # A shell that runs the tests in the background has them ignore it, and children would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with subprocess.Popen(arguments, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("sleeping"):
                break
        time.sleep(0.1)
        process.send_signal(number)
        assert process.wait(30) == code
    assert not output.exists()
    left = list(output.parent.iterdir()) if output.parent.exists() else []
    assert bool(left) is (number is signal.SIGKILL), "only what cannot be caught leaves what the next one removes"
    succeed(im_run("compile", local_model, "--backend", "optimised", "--output", output))
    assert [path.name for path in output.parent.iterdir()] == ["compiled"]
