"""A session made of a Python function keeps to what backends' sessions keep to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inference_models import ModelRuntimeError, SessionClosedError
from inference_models.developer_tools import Session, TensorInfo, run_batched
from inference_models.testing import BackendContract, FakeSession

IMAGES = TensorInfo("images", (None, 3, 4, 4), "float32")
MEANS = TensorInfo("means", (None, 3), "float32")


def means(feeds: Any) -> dict[str, Any]:
    return {"means": feeds["images"].mean(axis=(2, 3))}


def images(count: int = 2, seed: int = 0) -> dict[str, Any]:
    return {"images": np.random.default_rng(seed).normal(size=(count, 3, 4, 4)).astype(np.float32)}


def test_a_function_runs_and_its_feeds_are_kept() -> None:
    session = FakeSession(means, [IMAGES], [MEANS], device="cuda:1", runtime={"version": "1"})
    assert isinstance(session, Session)
    feeds = images()
    np.testing.assert_allclose(session.run(feeds)["means"], feeds["images"].mean(axis=(2, 3)))
    assert session.runs[0]["images"] is feeds["images"]
    assert (session.device, session.array_kind, session.runtime) == ("cuda:1", "numpy", {"version": "1"})
    assert session.opener(Path("anywhere")) is session


def test_fixed_outputs_are_given_to_each_item() -> None:
    session = FakeSession({"rows": np.arange(6).reshape(2, 3)}, [IMAGES])
    rows = session.run(images(3))["rows"]
    assert rows.shape == (3, 2, 3)
    assert (rows == np.arange(6).reshape(2, 3)).all()
    assert session.outputs == ()


def test_what_it_returns_is_the_callers() -> None:
    constant = np.zeros((1, 3), np.float32)
    session = FakeSession(lambda _: {"means": constant}, [IMAGES], [MEANS])
    session.run(images(1))["means"][...] = 9
    assert not constant.any()


def test_batches_are_split_within_its_range() -> None:
    session = FakeSession(means, [IMAGES], [MEANS], batch_range=(2, 2))
    feeds = images(5)
    np.testing.assert_allclose(run_batched(session, feeds)["means"], feeds["images"].mean(axis=(2, 3)))
    assert [len(run["images"]) for run in session.runs] == [2, 2, 2]


def test_a_session_without_limits_takes_any_batch() -> None:
    session = FakeSession(means, [IMAGES], [MEANS])
    run_batched(session, images(5))
    assert [len(run["images"]) for run in session.runs] == [5]


def test_tensors() -> None:
    torch = pytest.importorskip("torch")
    session = FakeSession(lambda feeds: {"same": feeds["images"]}, [IMAGES], array_kind="torch")
    given = torch.zeros(1, 3, 4, 4)
    given_back = session.run({"images": given})["same"]
    assert given_back is not given
    assert torch.equal(given_back, given)
    assert FakeSession({"one": torch.ones(2)}, [IMAGES], array_kind="torch").run({"images": given})["one"].shape == (
        1,
        2,
    )
    with pytest.raises(ModelRuntimeError, match="takes torch arrays, not a numpy array of float32"):
        session.run(images())


def test_a_closed_session_does_not_run() -> None:
    session = FakeSession(means, [IMAGES])
    session.close()
    session.close()
    with pytest.raises(SessionClosedError):
        session.run(images())


PLUGIN = """
    import json
    from pathlib import Path
    import numpy as np
    from inference_models import CorruptedModelPackageError, DeviceUnavailableError
    from inference_models.developer_tools import BackendSpec, TensorInfo, hookimpl
    from inference_models.testing import FakeSession

    def open_session(directory, *, device, package, options):
        if device not in (None, "cpu"):
            raise DeviceUnavailableError(f"There is no {device} here: this backend runs on the CPU.")
        try:
            weights = np.array(json.loads((Path(directory) / "weights.json").read_text()), np.float32)
        except (OSError, ValueError) as error:
            raise CorruptedModelPackageError(f"{directory} has no weights: {error}") from error
        def network(feeds):
            return {"scores": feeds["images"].mean(axis=(2, 3)) @ weights}
        inputs = [TensorInfo("images", (None, 3, 4, 4), "float32")]
        return FakeSession(network, inputs, [TensorInfo("scores", (None, 2), "float32")])

    @hookimpl
    def im_backends():
        return BackendSpec(name="fake", priority=1, detect=lambda: {"version": "1"}, open_session=open_session)
"""
WEIGHTS = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]


class TestBackendOfFakeSessions(BackendContract):
    backend = "fake"

    @pytest.fixture(autouse=True)
    def _installed(self, install_plugin: Any) -> None:
        install_plugin("im-fake", PLUGIN)

    @pytest.fixture
    def package(self, tmp_path: Path) -> Path:
        (tmp_path / "model_config.json").write_text(json.dumps({"model_architecture": "mean", "backend_type": "fake"}))
        (tmp_path / "weights.json").write_text(json.dumps(WEIGHTS))
        return tmp_path

    def expected(self, feeds: Any) -> Any:
        return {"scores": feeds["images"].mean(axis=(2, 3)) @ np.array(WEIGHTS, np.float32)}
