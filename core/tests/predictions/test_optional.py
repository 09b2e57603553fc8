from __future__ import annotations

import sys
from pathlib import Path

import pytest

from inference_models.errors import MissingDependencyError
from inference_models.predictions.optional import import_optional


def test_a_package_that_is_there_is_returned() -> None:
    assert import_optional("json", purpose="this", install="nothing") is sys.modules["json"]


def test_a_missing_package_says_what_needs_it_and_how_to_get_it() -> None:
    with pytest.raises(MissingDependencyError, match=r"drawing needs im_no_such.*Run: pip install x") as caught:
        import_optional("im_no_such", purpose="drawing", install="pip install x")
    assert caught.value.__cause__ is None


def test_a_broken_package_is_not_called_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "im_broken_package.py").write_text("import im_its_own_dependency\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ModuleNotFoundError, match="im_its_own_dependency"):
        import_optional("im_broken_package", purpose="this", install="that")
