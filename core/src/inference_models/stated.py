"""Fields that are stated in plain JSON: what one line in a class says is enough to read, keep, write and show them."""

from __future__ import annotations

from typing import Any

from attrs import field, fields
from attrs.validators import and_, ge, instance_of, min_len, optional

__all__ = ["card_labels", "card_of", "stated", "stated_fields"]

_VALIDATORS: dict[type, Any] = {
    int: optional(and_(instance_of(int), ge(1))),
    bool: optional(instance_of(bool)),
    str: optional(and_(instance_of(str), min_len(1))),
}


def stated(kind: type, label: str = "", *, kw_only: bool = False) -> Any:
    """Return a field that may be stated in plain JSON; None where it is not.

    In `ModelPackageMetadata` this line is all that such a field needs: from it, it is read from `model_config.json`,
    kept in the cache, written into packages that are made here, and listed by `im describe` and `im explain`.

    Args:
        kind: int (1 or more), bool or str.
        label: what people read before the value. With one, the field is part of the package's model card, which a
            provider's JSON may state, too.
        kw_only: as attrs has it.
    """
    return field(default=None, validator=_VALIDATORS[kind], metadata={"stated": kind, "label": label}, kw_only=kw_only)


def stated_fields(cls: Any) -> dict[str, type]:
    """Return the fields of a class that are stated in plain JSON, with their types."""
    return {one.name: one.metadata["stated"] for one in fields(cls) if "stated" in one.metadata}


def card_labels(cls: Any) -> dict[str, str]:
    """Return the fields of a class that make up a model card, with what people read before their values."""
    return {one.name: one.metadata["label"] for one in fields(cls) if one.metadata.get("label")}


def card_of(package: Any) -> dict[str, Any]:
    """Return the model card of a package: None where nothing is stated."""
    return {name: getattr(package, name) for name in card_labels(type(package))}
