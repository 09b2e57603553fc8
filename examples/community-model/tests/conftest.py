"""Photos, and the model that comes with the distribution."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import skimage.data

from community_model import package_path
from inference_models import AutoModel

Picture = npt.NDArray[np.uint8]


@pytest.fixture(autouse=True)
def _home(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("INFERENCE_HOME", str(tmp_path / "cache"))


@pytest.fixture(scope="session")
def photos() -> dict[str, Picture]:
    """Real photos that travel with scikit-image, (H, W, 3) red-green-blue; "camera" is grey."""
    names = ("astronaut", "camera", "chelsea", "coffee", "rocket")
    pictures = {name: getattr(skimage.data, name)() for name in names}
    return {
        name: np.dstack([picture] * 3) if picture.ndim == 2 else np.ascontiguousarray(picture[..., :3])
        for name, picture in pictures.items()
    }


@pytest.fixture(scope="session")
def model() -> Iterator[Any]:
    with AutoModel.from_pretrained(package_path()) as loaded:
        yield loaded
