"""The whole way from an id to a model, over plugins that are really installed."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from inference_models import AutoModel
from inference_models.errors import (
    BackendUnavailable,
    CorruptedModelPackageError,
    DeviceUnavailableError,
    InvalidParameterError,
    ModelImplementationNotFoundError,
    ModelLoadingError,
    ModelPackageAlternativesExhaustedError,
    NoModelPackagesAvailableError,
)
from inference_models.metadata import RecommendedParameters

PLUGIN = """
    from pathlib import Path
    from inference_models import BackendUnavailable, CorruptedModelPackageError, DeviceUnavailableError
    from inference_models.developer_tools import (
        BackendSpec, LazyClass, ModelMetadata, ModelPackageMetadata, ModelSpec, RecommendedParameters,
        WeightsProviderSpec, hookimpl,
    )

    PACKAGES = Path(__file__).parent / "packages"

    def get_model(model_id, api_key=None):
        return ModelMetadata(
            model_id, "acmenet", [package(path) for path in sorted((PACKAGES / model_id).iterdir())],
            task_type="counting", recommended_parameters=RecommendedParameters(confidence=0.5),
        )

    def package(path):
        return ModelPackageMetadata(path.name, path.name.partition("-")[0], trusted_source=True, directory=path)

    def detect():
        return {"version": "1"}

    def unavailable():
        raise BackendUnavailable("the abacus has no beads", "buy beads")

    class Session:
        inputs = outputs = ()
        array_kind = "numpy"

        def __init__(self, directory, device, options):
            self.device = device or "cpu"
            self.runtime = dict(options)

        def run(self, feeds):
            return feeds

        def close(self):
            pass

    def open_session(directory, *, device, package, options):
        if device == "cuda":
            raise DeviceUnavailableError("no GPU here")
        if (directory / "surprise").exists():
            raise KeyError("surprise")
        if not (directory / "weights").exists():
            raise CorruptedModelPackageError(f"{directory.name} has no weights")
        return Session(directory, device, options)

    class Counter:
        def __init__(self, directory, session, **extra):
            self.directory, self.session, self.extra = directory, session, extra

        @classmethod
        def from_pretrained(cls, model_name_or_path, *, open_session, backend, recommended_parameters=None, step=1):
            return cls(model_name_or_path, open_session(model_name_or_path), backend=backend, step=step,
                       recommended=recommended_parameters)

    class Anything:
        @classmethod
        def from_pretrained(cls, model_name_or_path, **kwargs):
            return kwargs

    class Nothing:
        @classmethod
        def from_pretrained(cls, model_name_or_path):
            cls()

    class Unloadable:
        pass

    @hookimpl
    def im_weights_providers():
        return WeightsProviderSpec(name="acme", target=get_model, list_models=lambda: ["counter"])

    @hookimpl
    def im_backends():
        yield BackendSpec(name="fast", priority=20, detect=detect, open_session=open_session, session_options={"turbo"})
        yield BackendSpec(name="slow", priority=10, detect=detect, open_session=open_session)
        yield BackendSpec(name="own", priority=5, detect=detect)
        yield BackendSpec(name="abacus", priority=99, detect=unavailable)

    @hookimpl
    def im_models():
        here = __name__
        yield ModelSpec(architectures="acmenet", task_type="counting", backends=("fast", "slow", "abacus", "own"),
                        target=LazyClass(here, "Counter"))
        for name, target in {"anynet": "Anything", "badnet": "Unloadable", "nonet": "Nothing"}.items():
            yield ModelSpec(architectures=name, task_type="counting", backends="fast", target=LazyClass(here, target))
"""


@pytest.fixture
def packages(install_plugin) -> Path:
    """Install the plugin; return where its provider finds packages: packages/<model>/<backend>-<anything>/."""
    return install_plugin("acme-models", PLUGIN) / "packages"


def add(packages: Path, name: str, *, weights: bool = True) -> Path:
    directory = packages / "counter" / name
    directory.mkdir(parents=True)
    if weights:
        (directory / "weights").touch()
    return directory


def test_the_best_package_is_loaded_with_what_its_class_asks_for(packages: Path) -> None:
    add(packages, "slow-one")
    directory = add(packages, "fast-one")
    model = AutoModel.from_pretrained("acme://counter")
    assert model.directory == str(directory)
    assert model.extra == {"backend": "fast", "step": 1, "recommended": RecommendedParameters(confidence=0.5)}


def test_what_was_asked_for_is_what_runs(packages: Path) -> None:
    add(packages, "slow-one")
    add(packages, "fast-one")
    assert AutoModel.from_pretrained("acme://counter", backend="slow").extra["backend"] == "slow"
    assert AutoModel.from_pretrained("acme://counter", model_package_id="slow-one").extra["backend"] == "slow"
    assert AutoModel.from_pretrained("acme://counter", device="npu:1").session.device == "npu:1"


def test_options_go_to_the_backend_or_the_model_that_takes_them(packages: Path) -> None:
    add(packages, "fast-one")
    model = AutoModel.from_pretrained("acme://counter", turbo=True, step=3)
    assert model.session.runtime == {"turbo": True}
    assert model.extra["step"] == 3


def test_an_option_for_another_backend_is_not_passed_on(packages: Path) -> None:
    add(packages, "slow-one")
    assert AutoModel.from_pretrained("acme://counter", turbo=True).session.runtime == {}


@pytest.mark.parametrize(
    ("name", "near"), [("stpe", "step"), ("trubo", "turbo"), ("backends", "backend"), ("open_session", None)]
)
def test_a_name_that_nothing_accepts_is_an_error_with_the_near_one(packages: Path, name: str, near: str | None) -> None:
    add(packages, "fast-one")
    with pytest.raises(InvalidParameterError, match=f"Nothing accepts {name}= for acme://counter") as caught:
        AutoModel.from_pretrained("acme://counter", **{name: 1})
    assert near is None or f"Did you mean {near!r}" in caught.value.message


def test_what_only_a_single_file_needs_is_said_of_a_directory(packages: Path) -> None:
    add(packages, "fast-one")
    with pytest.raises(InvalidParameterError, match=r"model_type= says what a single file is.*leave it out"):
        AutoModel.from_pretrained("acme://counter", model_type="acmenet-small")
    with pytest.raises(
        InvalidParameterError, match=r"Nothing accepts model_access_manager= for acme://counter\. Known:"
    ):
        AutoModel.from_pretrained("acme://counter", model_access_manager=None)


def test_a_package_that_does_not_load_is_skipped_with_a_warning(packages: Path, caplog) -> None:
    add(packages, "fast-one", weights=False)
    add(packages, "slow-one")
    with caplog.at_level(logging.WARNING, "inference_models"):
        model = AutoModel.from_pretrained("acme://counter")
    assert model.extra["backend"] == "slow"
    assert "Package fast-one of acme://counter does not load: fast-one has no weights" in caplog.text


def test_when_none_loads_the_error_holds_all(packages: Path) -> None:
    add(packages, "fast-one", weights=False)
    add(packages, "slow-one", weights=False)
    with pytest.raises(ModelPackageAlternativesExhaustedError, match=r"(?s)fast-one: Corrupted.*slow-one") as caught:
        AutoModel.from_pretrained("acme://counter")
    assert [type(error) for error in caught.value.alternatives_errors] == 2 * [CorruptedModelPackageError]


def test_a_single_candidate_fails_with_its_own_error(packages: Path) -> None:
    add(packages, "fast-one", weights=False)
    add(packages, "slow-one")
    with pytest.raises(CorruptedModelPackageError, match="fast-one has no weights"):
        AutoModel.from_pretrained("acme://counter", max_package_loading_attempts=1)
    with pytest.raises(DeviceUnavailableError, match="no GPU here"):
        AutoModel.from_pretrained("acme://counter", device="cuda", backend="slow")


def test_what_a_plugin_did_not_expect_is_an_error_that_names_it(packages: Path) -> None:
    add(packages, "fast-one").joinpath("surprise").touch()
    with pytest.raises(
        ModelLoadingError, match=r"'fast-one' does not load: KeyError: 'surprise'.*acme-models"
    ) as caught:
        AutoModel.from_pretrained("acme://counter")
    assert isinstance(caught.value.__cause__, KeyError)


@pytest.mark.parametrize("attempts", [0, -1, True, "2"])
def test_attempts_are_a_whole_number(packages: Path, attempts: object) -> None:
    add(packages, "fast-one")
    with pytest.raises(InvalidParameterError, match="max_package_loading_attempts="):
        AutoModel.from_pretrained("acme://counter", max_package_loading_attempts=attempts)


@pytest.mark.parametrize("name", ["allow_untrusted_packages", "allow_local_code_packages", "use_auto_resolution_cache"])
@pytest.mark.parametrize("value", ["false", 1, None])
def test_a_switch_is_true_or_false(packages: Path, name: str, value: object) -> None:
    add(packages, "fast-one")
    for call in (AutoModel.from_pretrained, AutoModel.explain):
        with pytest.raises(InvalidParameterError, match=f"{name}= takes True or False, not {value!r}"):
            call("acme://counter", **{name: value})


def test_nothing_usable_lists_every_package(packages: Path) -> None:
    add(packages, "abacus-one")
    add(packages, "unknown-one")
    with pytest.raises(NoModelPackagesAvailableError) as caught:
        AutoModel.from_pretrained("acme://counter")
    assert "abacus-one: backend 'abacus' is unavailable: the abacus has no beads; to fix it: buy beads" in str(
        caught.value
    )
    assert "unknown-one: no installed plugin provides the backend 'unknown'" in str(caught.value)


def test_a_broken_plugin_is_mentioned_where_it_may_be_why(packages: Path, install_plugin) -> None:
    install_plugin("broken", "raise RuntimeError('no')")
    add(packages, "unknown-one")
    with pytest.raises(NoModelPackagesAvailableError, match=r"Plugins that are not loaded.*\n.*broken 1.0 \(import\)"):
        AutoModel.from_pretrained("acme://counter")


def test_explaining_decides_the_same_and_loads_nothing(packages: Path) -> None:
    add(packages, "fast-one", weights=False)
    add(packages, "abacus-one")
    plan = AutoModel.explain("acme://counter", backend=["abacus", "fast"], max_package_loading_attempts=1)
    assert [(verdict.package.package_id, verdict.usable) for verdict in plan.verdicts] == [
        ("fast-one", True),
        ("abacus-one", False),
    ]


def test_a_backend_without_sessions_says_so(packages: Path) -> None:
    add(packages, "own-one")
    with pytest.raises(
        ModelImplementationNotFoundError, match=r"Backend 'own' of acme-models 1\.0 provides no sessions"
    ):
        AutoModel.from_pretrained("acme://counter")


def local(directory: Path, architecture: str) -> Path:
    config = {"model_architecture": architecture, "task_type": "counting", "backend_type": "fast"}
    (directory / "model_config.json").write_text(json.dumps(config), "utf-8")
    return directory


def test_a_local_directory_goes_the_same_way(packages: Path, tmp_path: Path, monkeypatch) -> None:
    local(tmp_path, "acmenet")
    (tmp_path / "weights").touch()
    monkeypatch.chdir(tmp_path.parent)
    for given in (tmp_path, str(tmp_path), f"./{tmp_path.name}"):
        assert Path(AutoModel.from_pretrained(given).directory) == tmp_path


def test_a_class_that_takes_anything_gets_everything(packages: Path, tmp_path: Path) -> None:
    offered = AutoModel.from_pretrained(local(tmp_path, "anynet"), device="cpu", colour="red")
    assert {
        "open_session",
        "device",
        "backend",
        "package",
        "model_features",
        "colour",
    } == set(offered), "there are no recommended parameters, and nothing is not handed over"
    assert offered["device"] == "cpu"
    with pytest.raises(InvalidParameterError, match="Nothing accepts package="):
        AutoModel.from_pretrained(tmp_path, package="mine")


def test_a_class_that_cannot_load_is_a_fault_of_its_plugin(packages: Path, tmp_path: Path) -> None:
    with pytest.raises(
        ModelImplementationNotFoundError, match=r"Unloadable of acme-models 1\.0 has no from_pretrained"
    ):
        AutoModel.from_pretrained(local(tmp_path, "badnet"))


def test_a_class_that_returns_no_model_is_a_fault_of_its_plugin(packages: Path, tmp_path: Path) -> None:
    with pytest.raises(
        ModelLoadingError, match=r"from_pretrained of acme_models:Nothing returned None.*acme-models 1\.0 must be corr"
    ):
        AutoModel.from_pretrained(local(tmp_path, "nonet"))


def test_the_runtime_is_described_and_returned(packages: Path, capsys) -> None:
    environment = AutoModel.describe_runtime()
    assert environment.backend("abacus").reason == "the abacus has no beads"
    printed = capsys.readouterr().out
    assert "abacus" in printed
    assert "buy beads" in printed


def test_a_model_is_described_and_returned(packages: Path, capsys) -> None:
    add(packages, "fast-one")
    assert AutoModel.describe_model("acme://counter").model_architecture == "acmenet"
    assert "fast-one" in capsys.readouterr().out


def test_errors_of_the_backend_contract_are_public() -> None:
    assert str(BackendUnavailable("why", "how")) == "why. To fix it: how"


def test_explaining_refuses_a_name_that_nothing_accepts(packages: Path) -> None:
    add(packages, "fast-one")
    with pytest.raises(InvalidParameterError, match=r"Nothing accepts bakend=.*Did you mean 'backend'"):
        AutoModel.explain("acme://counter", bakend="slow")
    assert AutoModel.explain("acme://counter", step=2, turbo=True).candidates


def test_the_model_may_be_named_as_other_libraries_name_it(packages: Path) -> None:
    add(packages, "fast-one")
    assert AutoModel.from_pretrained(model_name_or_path="acme://counter").extra["backend"] == "fast"
    assert AutoModel.explain(model_name_or_path="acme://counter").candidates
    assert AutoModel.describe_model(model_id="acme://counter").model_id == "counter"
    assert AutoModel.describe_model_package(model_id="acme://counter", package_id="fast-one").backend == "fast"


@pytest.mark.parametrize("ask", ["from_pretrained", "explain", "describe_model", "describe_model_package"])
def test_one_model_is_named_once(ask: str) -> None:
    other = "model_id" if ask.startswith("describe") else "model_name_or_path"
    for names, got in ({}, "neither"), ({"model_id_or_path": "a", other: "b"}, "both"):
        with pytest.raises(
            InvalidParameterError, match=rf"with model_id_or_path= \(or {other}=, the same\); got {got}"
        ):
            getattr(AutoModel, ask)(**names)


@pytest.mark.parametrize(("name", "meant"), [("model", "model_id_or_path"), ("provider", "weights_provider")])
def test_what_is_no_option_of_a_provider_is_not_taken_for_one(name: str, meant: str) -> None:
    with pytest.raises(InvalidParameterError, match=rf"no argument {name}=\. Did you mean '{meant}'"):
        AutoModel.describe_model("acme://counter", **{name: "x"})
    with pytest.raises(InvalidParameterError, match=rf"no argument {name}=\. Did you mean '{meant}'"):
        AutoModel.describe_model_package("acme://counter", "fast-one", **{name: "x"})


def test_a_package_to_be_described_is_named(packages: Path) -> None:
    with pytest.raises(InvalidParameterError, match="Name the package with package_id="):
        AutoModel.describe_model_package("acme://counter")
