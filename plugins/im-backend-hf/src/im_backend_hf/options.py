"""The options of `AutoModel.from_pretrained` that this backend takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias, get_args

from attrs import frozen

from inference_models import InvalidParameterError

if TYPE_CHECKING:
    from inference_models.developer_tools import Environment

DTypeName: TypeAlias = Literal["float32", "float16", "bfloat16"]
DTYPES = get_args(DTypeName)
SESSION_OPTIONS = frozenset({"dtype", "load_in_4bit"})


@frozen
class Options:
    """What the user asked for.

    Attributes:
        dtype: the type to compute in; None: what suits package and device.
        load_in_4bit: whether the weights are quantized while they are loaded.
    """

    dtype: DTypeName | None = None
    load_in_4bit: bool = False

    @classmethod
    def parse(cls, options: Mapping[str, Any]) -> Self:
        """Return the checked options. A `torch.dtype` counts as its name. Raises: InvalidParameterError."""
        unknown = set(options) - SESSION_OPTIONS
        if unknown:
            raise InvalidParameterError(f"The hugging-face backend has no option {min(unknown)!r}.")
        dtype, four = options.get("dtype"), options.get("load_in_4bit")
        name: Any = None if dtype is None else str(dtype).removeprefix("torch.")
        if name is not None and name not in DTYPES:
            raise InvalidParameterError(f"dtype= takes {', '.join(DTYPES)} or None, not {dtype!r}.")
        if four not in (None, True, False):
            raise InvalidParameterError(f"load_in_4bit= takes True or False, not {four!r}.")
        return cls(name, bool(four))


def check_options(options: Mapping[str, Any], environment: Environment) -> None:
    """Raise InvalidParameterError for a value that makes no sense, whatever package it is for."""
    Options.parse(options)
