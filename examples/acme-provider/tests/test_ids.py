from __future__ import annotations

import pytest

from acme_provider.ids import AcmeId
from inference_models import ModelNotFoundError


@pytest.mark.parametrize(
    ("text", "name", "version"),
    [
        ("line-7/defects@4", "line-7/defects", 4),
        ("line-7/defects", "line-7/defects", None),
        ("a/b@123456789", "a/b", 123456789),
    ],
)
def test_what_an_id_says(text, name, version) -> None:
    parsed = AcmeId.parse(text)
    assert (parsed.name, parsed.version, str(parsed)) == (name, version, text)


@pytest.mark.parametrize(
    "text",
    ["defects", "line-7/defects@", "line-7/defects@0", "line-7/defects@x", "../defects@4", "a/b/c", "A/b", "a/b?c", ""],
)
def test_what_is_no_id(text) -> None:
    with pytest.raises(ModelNotFoundError, match="line/name@version"):
        AcmeId.parse(text)
