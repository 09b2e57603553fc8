"""What `im doctor` says of settings that name plugins which are not here: it is shown, and nothing is broken by it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Im = Callable[..., Result]
Note = Callable[[str, str], str | None]

BACKEND = """
from inference_models.developer_tools import BackendSpec, hookimpl

@hookimpl
def im_backends():
    return BackendSpec(name="{name}", priority=1, detect=dict)
"""


@pytest.fixture(autouse=True)
def _installed(install_plugin: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INFERENCE_MODELS_ONLY_PLUGINS", "im-core,acme-npu,other")
    install_plugin("acme-npu", BACKEND.format(name="npu"), entry_point="acme")
    install_plugin("other", BACKEND.format(name="dsp"))


@pytest.fixture
def note(im_run: Im, monkeypatch: pytest.MonkeyPatch) -> Note:
    """Return what the doctor notes about a value of a variable; None when nothing."""

    def ask(name: str, value: str) -> str | None:
        monkeypatch.setenv(name, value)
        told, shown = im_run("doctor", "--json"), im_run("doctor")
        document = json.loads(told.stdout)
        assert (told.exit_code, shown.exit_code, document["problems"]) == (0, 0, [])
        said: str | None = next(row["note"] for row in document["variables"] if row["name"] == name)
        assert ("Settings without effect" in shown.stdout) == (said is not None)
        assert said is None or said in shown.stdout
        return said

    return ask


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("backend:npu=acme-npu", None),
        ("Backend:NPU=Acme.NPU", None),
        ("backend:npu=acme-npv", "no plugin of the distribution 'acme-npv' is installed, did you mean 'acme-npu'?"),
        ("backend:npu=acme", "no plugin of the distribution 'acme' is installed, did you mean 'acme-npu'?"),
        ("backend:npu=zzz", "no plugin of the distribution 'zzz' is installed"),
        ("backend:npuu=acme-npu", "nothing in use declares 'backend:npuu', did you mean 'backend:npu'?"),
        ("model:zzz=acme-npu", "nothing in use declares 'model:zzz'"),
        ("backend:npu=other", "other does not declare 'backend:npu', acme-npu does"),
        (
            "backend:npu=zzz,backend:dsp=other,backend:dsp=acme-npu",
            "no plugin of the distribution 'zzz' is installed; acme-npu does not declare 'backend:dsp', other does",
        ),
    ],
)
def test_preferences(note: Note, value: str, said: str | None) -> None:
    assert note("INFERENCE_MODELS_PREFER", value) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("Other", None),
        ("im-core,acme", None),
        ("im-core,acme-npu,othr", "no installed plugin is called 'othr', did you mean 'other'?"),
        ("im-core,zzz", "no installed plugin is called 'zzz'"),
    ],
)
@pytest.mark.parametrize("name", ["INFERENCE_MODELS_ONLY_PLUGINS", "INFERENCE_MODELS_DISABLE_PLUGINS"])
def test_names_of_plugins(note: Note, name: str, value: str, said: str | None) -> None:
    assert note(name, value) == said


def test_a_star_is_for_switching_off(note: Note) -> None:
    assert note("INFERENCE_MODELS_DISABLE_PLUGINS", "*") is None
    assert note("INFERENCE_MODELS_ONLY_PLUGINS", "*") == "no installed plugin is called '*'"


def test_nothing_is_said_where_plugins_could_not_be_looked_for(
    im_run: Im, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("INFERENCE_MODELS_POLICY", str(tmp_path / "missing.toml"))
    monkeypatch.setenv("INFERENCE_MODELS_PREFER", "backend:npu=acme-npu")
    document = json.loads(im_run("doctor", "--json").stdout)
    assert [row["note"] for row in document["variables"] if row["note"] is not None] == []
