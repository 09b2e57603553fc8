"""Models that leave open what they hold are found out, wherever they keep it and wherever it comes from."""

from __future__ import annotations

import logging
import runpy
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from inference_models import AutoModel
from inference_models.testing import write_package
from inference_models.testing.checks import contracts
from inference_models.testing.checks.findings import Finding, NotChecked
from inference_models.testing.checks.releasing import check_release, held_by
from inference_models.testing.checks.running import run_checks

# A session that does not say whether it is open: running it tells.
Mute = runpy.run_path(str(Path(__file__).parent / "acme_models" / "session.py"))["Session"]


def not_passed(model: Any, finder: SimpleNamespace) -> dict[str, tuple[str, str | None]]:
    outcomes = run_checks("model", contracts.MODEL, finder.subject(model))
    return {one.check: (one.state, one.reason) for one in outcomes if one.state != "passed"}


def test_a_model_that_owns_its_session_keeps_to_the_contract(finder: SimpleNamespace) -> None:
    assert set(not_passed(finder.OverSession(), finder)) == {"mask_formats_agree"}


def test_one_that_forgets_to_fails_this_check_only(finder: SimpleNamespace) -> None:
    found = not_passed(finder.Forgetful(), finder)
    assert {name for name, (state, _) in found.items() if state == "failed"} == {"closes_what_it_holds"}
    _, reason = found["closes_what_it_holds"]
    assert reason == "Forgetful.close() leaves open what the model holds: FakeSession in _session."
    with pytest.raises(Finding, match=r"To fix it: .*`self\._session = self\.owns\(session\)`"):
        check_release(finder.subject(finder.Forgetful()))


def test_a_model_without_sessions_is_not_checked(finder: SimpleNamespace) -> None:
    with pytest.raises(NotChecked, match="it holds no session"):
        check_release(finder.subject(finder.ColorFinder()))


class Slotted:
    __slots__ = ("session",)

    def __init__(self, session: Any) -> None:
        self.session = session


def in_closure(session: Any) -> Callable[[], Any]:
    return lambda: session


@pytest.mark.parametrize(
    "put", [Slotted, in_closure, lambda session: {"a": [(session,)]}, lambda session: partial(print, session.run)]
)
def test_wherever_it_is_kept(finder: SimpleNamespace, put: Callable[[Any], Any]) -> None:
    model, session = finder.ColorFinder(), Mute(2, 1)
    model.package = put(session)
    assert held_by(model) == [("package", session)]
    with pytest.raises(Finding, match=r"leaves open what the model holds: Session in package\."):
        check_release(finder.subject(model))
    other = finder.ColorFinder()
    other.package = put(other.owns(Mute(2, 1)))
    check_release(finder.subject(other))


def test_what_all_models_share_is_not_the_models(finder: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    other, logger = finder.Forgetful(), logging.getLogger("acme.models")
    monkeypatch.setattr(logger, "filters", [other])
    monkeypatch.setattr(type(other), "newest", other, raising=False)
    monkeypatch.setitem(globals(), "ANOTHER", Mute(2, 1))
    model = finder.ColorFinder()
    model.logger, model.kind, model.function = logger, type(other), in_closure
    assert held_by(model) == []


def test_a_model_that_it_needs_is_closed_with_it(finder: SimpleNamespace) -> None:
    model = finder.ColorFinder()
    model.needs = {"reader": finder.OverSession()}
    with pytest.raises(Finding, match="OverSession in needs"):
        check_release(finder.subject(model))
    model = finder.ColorFinder()
    model.needs = {"reader": model.owns(finder.OverSession())}
    check_release(finder.subject(model))


def test_a_session_that_cannot_be_asked_is_not_reported(finder: SimpleNamespace) -> None:
    class Choosy(Mute):  # type: ignore[misc,valid-type]
        def run(self, feeds: Any) -> Any:
            raise ValueError("not these feeds")

    model = finder.ColorFinder()
    model.session = Choosy(2, 1)
    with pytest.raises(NotChecked, match="says whether it is open"):
        check_release(finder.subject(model))


def test_closing_that_fails_is_reported(finder: SimpleNamespace) -> None:
    def close(self: Any) -> None:
        raise OSError("device lost")

    model = type("Broken", (finder.OverSession,), {"close": close})()
    with pytest.raises(Finding, match=r"Broken\.close\(\) raised OSError: device lost"):
        check_release(finder.subject(model))


PLUGIN = """
    import json
    from inference_models import ClassificationModel, ClassificationPrediction
    from inference_models.developer_tools import BackendSpec, LazyClass, ModelSpec, TensorInfo, as_images, hookimpl
    import numpy as np

    class Runtime:
        inputs, outputs = (TensorInfo("means", (None, 3), "float32"),), ()
        device, array_kind, runtime, open = "cpu", "numpy", {}, True

        def run(self, feeds):
            if not self.open:
                raise OSError("gone")
            return {"scores": feeds["means"]}

        def close(self):
            self.open = False

    def open_session(directory, *, device, package, options):
        return Runtime()

    class Colors(ClassificationModel):
        class_names = property(lambda self: ["b", "g", "r"])

        @classmethod
        def from_pretrained(cls, model_name_or_path, *, open_session, forget=False):
            model = cls()
            model._session = open_session(model_name_or_path)
            if not forget:
                model.owns(model._session)
            return model

        def pre_process(self, images):
            return np.stack([one.pixels.mean((0, 1)) / 255 for one in as_images(images)]).astype(np.float32)

        def forward(self, inputs):
            return self._session.run({"means": inputs})["scores"]

        def post_process(self, scores):
            return ClassificationPrediction(scores.argmax(1), scores, class_names=self.class_names)

    @hookimpl
    def im_backends():
        return BackendSpec(name="toy", priority=1, detect=dict, open_session=open_session)

    @hookimpl
    def im_models():
        target = LazyClass(__name__, "Colors")
        return ModelSpec(architectures="colors", task_type="classification", backends="toy", target=target)
"""


def test_sessions_that_loading_opened(install_plugin: Any, tmp_path: Path, finder: SimpleNamespace) -> None:
    install_plugin("acme-colors", PLUGIN)
    package = write_package(tmp_path / "package", architecture="colors", task_type="classification", backend="toy")
    check_release(finder.subject(AutoModel.from_pretrained(package)))
    with pytest.raises(Finding, match=r"Colors\.close\(\) leaves open what the model holds: Runtime in _session\."):
        check_release(finder.subject(AutoModel.from_pretrained(package, forget=True)))
