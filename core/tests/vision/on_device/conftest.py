"""A device for the tests: one that there is everywhere, and a GPU where there is one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import pytest

torch: Any = pytest.importorskip("torch")


# Main memory under the name of a device goes the device's way.
@pytest.fixture(scope="session", params=["cpu:0", pytest.param("cuda", marks=pytest.mark.gpu)])
def device(request: pytest.FixtureRequest) -> str:
    if request.param == "cuda" and not torch.cuda.is_available():
        pytest.skip("torch sees no CUDA device")
    name: str = request.param
    return name


class Watched(torch.Tensor):  # type: ignore[misc]
    """A tensor that notes, as do all that are computed from it, how many values are brought to the host.

    It stands for a tensor on a GPU: there each note is a transfer that the host waits for.
    """

    TRANSFERS: ClassVar[frozenset[str]] = frozenset(("cpu", "numpy", "tolist", "item", "__array__", "__bool__"))
    fetched: ClassVar[list[int]] = []

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if getattr(func, "__name__", "") in cls.TRANSFERS:
            cls.fetched.append(args[0].numel())
        return super().__torch_function__(func, types, args, kwargs or {})


@pytest.fixture
def watch() -> Callable[[Any], Any]:
    """Return a function that makes a tensor a watched one; `.fetched` of it lists the sizes of what was fetched."""
    Watched.fetched = []
    return lambda tensor: tensor.as_subclass(Watched)
