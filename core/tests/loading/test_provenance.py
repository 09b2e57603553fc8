"""A loaded model says which package it is and what it really runs on; loading tells it, so that no family need."""

from __future__ import annotations

import pickle

import pytest

from inference_models import AutoModel, LoadedFrom, Quantization

PLUGIN = """
    from pathlib import Path
    from inference_models import Model
    from inference_models.developer_tools import (
        BackendSpec, LazyClass, ModelMetadata, ModelPackageMetadata, ModelSpec, WeightsProviderSpec, hookimpl,
    )

    class Session:
        inputs = outputs = ()
        array_kind = "numpy"

        def __init__(self, device):
            self.device, self.runtime = device, {"providers": (device,), "version": 1}

        def run(self, feeds):
            return feeds

        def close(self):
            pass

    class Silent(Session):
        @property
        def runtime(self):
            raise RuntimeError("it has crashed")

        @runtime.setter
        def runtime(self, value):
            pass

    def open_session(directory, *, device, package, options):
        return Silent("gpu:7") if device == "gpu:9" else Session("gpu:7" if directory.name == "second" else "gpu:3")

    def make_toolkit(*, device, package, options):
        return Session("gpu:5")

    class Sensor(Model):
        device = "made up"

        @classmethod
        def from_pretrained(cls, path, *, open_session, split=False):
            model = cls()
            model.session = model.owns(open_session(path))
            if split:
                open_session(Path(path) / "second")
            return model

    class Own(Sensor):
        @classmethod
        def from_pretrained(cls, path, *, says="gpu:1"):
            model = cls()
            model.device = says
            return model

    class Fitted(Model):
        @classmethod
        def from_pretrained(cls, path, *, toolkit):
            return cls()

    class Stranger:
        __slots__ = ()

        @classmethod
        def from_pretrained(cls, path):
            return cls()

    def get_model(model_id, api_key=None):
        package = ModelPackageMetadata(
            "a", "own", quantization="fp16", trusted_source=True, directory=Path(__file__).parent
        )
        return ModelMetadata("the-" + model_id, model_id, [package], task_type="sense", model_variant="small")

    @hookimpl
    def im_weights_providers():
        return WeightsProviderSpec(name="lab", target=get_model, works_offline=True)

    @hookimpl
    def im_backends():
        return BackendSpec(name="own", priority=1, detect=dict, open_session=open_session, toolkit=make_toolkit)

    @hookimpl
    def im_models():
        for name in ("Sensor", "Own", "Fitted", "Stranger"):
            yield ModelSpec(
                architectures=name.lower(), task_type="sense", backends="own", target=LazyClass(__name__, name)
            )
"""


@pytest.fixture(autouse=True)
def _lab(install_plugin) -> None:
    install_plugin("lab", PLUGIN)


def loaded_from(model: str, **options: object) -> LoadedFrom:
    source = AutoModel.from_pretrained(f"lab://{model}", quantization="fp16", **options).loaded_from
    assert isinstance(source, LoadedFrom)
    return source


def test_the_package_and_what_its_session_really_got() -> None:
    assert loaded_from("sensor", device="gpu") == LoadedFrom(
        model_id="the-sensor",
        provider="lab",
        package_id="a",
        backend="own",
        device="gpu:3",
        model_architecture="sensor",
        model_variant="small",
        task_type="sense",
        quantization=Quantization.FP16,
        runtime={"providers": ("gpu:3",), "version": 1},
    )


def test_a_toolkit_is_asked_as_a_session_is() -> None:
    assert loaded_from("fitted").device == "gpu:5"


def test_a_model_that_is_spread_over_devices_names_them_all() -> None:
    source = loaded_from("sensor", split=True)
    assert (source.device, source.runtime["providers"]) == ("gpu:3, gpu:7", ("gpu:3",))


def test_a_model_that_asks_no_backend_says_itself_where_it_runs() -> None:
    torch = pytest.importorskip("torch")
    given = ("gpu:1", torch.device("cpu"), 3)
    assert [loaded_from("own", says=device).device for device in given] == ["gpu:1", "cpu", None]


def test_what_cannot_be_reported_ends_no_load() -> None:
    source = loaded_from("sensor", device="gpu:9")
    assert (source.device, source.runtime) == ("gpu:7", {})


def test_a_class_that_is_no_model_of_ours_is_left_as_it_is() -> None:
    assert not hasattr(AutoModel.from_pretrained("lab://stranger", quantization="fp16"), "loaded_from")


def test_what_is_said_can_be_stored() -> None:
    source = loaded_from("sensor")
    assert pickle.loads(pickle.dumps(source)) == source
