from __future__ import annotations

import pytest

from inference_models.errors import InvalidEnvVariable
from inference_models.preferences import canonical_key, preferred, why_unsettled

KEY, OWNERS = "backend:acme-npu", ["one", "Two.Plugins"]


@pytest.fixture
def prefer(monkeypatch: pytest.MonkeyPatch):
    return lambda text: monkeypatch.setenv("INFERENCE_MODELS_PREFER", text)


def test_keys_are_compared_as_names_are() -> None:
    assert canonical_key("Model:Acme_Net/Object.Detection/ONNX") == "model:acme-net/object-detection/onnx"


def test_the_one_that_is_named_counts(prefer) -> None:
    assert preferred(KEY, OWNERS) is None
    prefer("backend:other=one,Backend:ACME_npu=two-plugins")
    assert preferred(KEY, OWNERS) == 1


@pytest.mark.parametrize(
    ("setting", "owners", "said"),
    [
        ("", OWNERS, ""),
        ("backend:other=one", OWNERS, ""),
        (
            "backend:acme-npu=two-plugin",
            OWNERS,
            "INFERENCE_MODELS_PREFER names 'two-plugin' for it, which declares no such thing: "
            "did you mean 'Two.Plugins'? ",
        ),
        (
            "backend:acme-npu=somebody-else",
            OWNERS,
            "INFERENCE_MODELS_PREFER names 'somebody-else' for it, which declares no such thing. ",
        ),
        (
            "backend:acme-npu=one,backend:acme-npu=two.plugins",
            OWNERS,
            "INFERENCE_MODELS_PREFER names 'one' and 'two.plugins' for it, and may name one. ",
        ),
        (
            "backend:acme-npu=one",
            ["one", "one"],
            "INFERENCE_MODELS_PREFER names 'one' for it, which declares it more than once. ",
        ),
    ],
)
def test_a_setting_that_settles_nothing_says_why(prefer, setting: str, owners: list[str], said: str) -> None:
    prefer(setting)
    assert preferred(KEY, owners) is None
    assert why_unsettled(KEY, owners) == said


def test_what_cannot_be_read_is_an_error(prefer) -> None:
    prefer("one")
    with pytest.raises(InvalidEnvVariable, match="key=value pairs"):
        preferred(KEY, OWNERS)
