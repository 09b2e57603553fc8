"""Which of the usable packages is best: a total order that does not depend on the order of the input."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from functools import cached_property
from math import isnan
from numbers import Integral, Real
from typing import Any, TypeAlias

from attrs import define, field

from inference_models.distributions import canonical_name
from inference_models.entities import Quantization
from inference_models.metadata import ModelPackageMetadata, UnreadablePackage
from inference_models.negotiation.context import Context, describe_failure
from inference_models.negotiation.nms_fusion import closeness
from inference_models.specs import resolve

logger = logging.getLogger(__name__)

Key: TypeAlias = tuple[Any, ...]

_QUANTIZATIONS = {
    quantization: position
    for position, quantization in enumerate(
        (Quantization.INT8, Quantization.FP16, Quantization.FP32, Quantization.UNKNOWN, Quantization.BF16)
    )
}


def rank(packages: Iterable[ModelPackageMetadata], context: Context) -> list[ModelPackageMetadata]:
    """Return usable packages, the best first.

    In turn: the backend (the order in which backends were asked for, the default order, its priority, its
    name), the faster quantization, trusted, any batch size before a fixed one, the smaller fixed one, the
    fused non-maximum suppression nearest to what was asked for, what the backend's own plugin says, the id.
    A package on which the plugin's ranking fails comes after all others of its backend. Packages that agree in
    all this are ordered by whatever else is known about them.
    """
    by_plugins = _PluginRanks(context)
    keys = [(_sort_key(package, context, by_plugins), package) for package in packages]
    by_plugins.report()
    return [package for _, package in sorted(keys, key=lambda pair: pair[0])]


def _sort_key(package: ModelPackageMetadata, context: Context, by_plugins: _PluginRanks) -> Key:
    failed, own = by_plugins.of(package)
    return (
        context.once(_backend_key, package.backend),
        failed,
        _QUANTIZATIONS[package.quantization],
        not package.trusted_source,
        not package.dynamic_batch_size_supported or package.static_batch_size is not None,
        package.static_batch_size or 0,
        -closeness(package.model_features, context.request.nms_fusion_preferences),
        own,
        package.package_id,
        LastResort(package),
    )


def _backend_key(backend: str, context: Context) -> Key:
    name = canonical_name(backend)
    return (
        _position(name, context.request.backends or ()),
        _position(name, context.request.backend_order),
        -context.backend(backend).spec.priority,
        name,
    )


def _position(name: str, order: tuple[str, ...]) -> int:
    return order.index(name) if name in order else len(order)


class LastResort:
    """Orders packages that agree in everything else, even in their ids, by all that is known about them."""

    def __init__(self, package: ModelPackageMetadata | UnreadablePackage) -> None:
        self._package = package

    @cached_property
    def _text(self) -> tuple[str, ...]:  # made only when it comes to this: it takes longer than all else together
        # Their own representation leaves these out.
        unseen = [getattr(self._package, "manifest", None)]
        for file in getattr(self._package, "package_artefacts", ()):
            unseen += [file.download_url, sorted(file.headers.items())]
        return (_printed(self._package), *map(_printed, unseen))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LastResort) and self._text == other._text

    def __lt__(self, other: LastResort) -> bool:
        return self._text < other._text

    __hash__ = None  # type: ignore[assignment]


def _printed(value: object) -> str:
    try:
        return repr(value)
    except Exception as error:  # a plugin's details may be anything; this is only a tie-break
        return describe_failure(error)


@define
class _PluginRanks:
    """Asks backends' plugins how they rank their packages; one that fails is reported, once per backend."""

    _context: Context
    _failures: dict[str, list[tuple[str, str]]] = field(factory=dict, init=False)

    def of(self, package: ModelPackageMetadata) -> tuple[bool, Key]:
        """Return whether the plugin's ranking failed, and a key that compares with every other."""
        try:
            ranking = self._context.once(_resolve_rank, package.backend)
            if ranking is None:
                return False, ()
            return False, comparable(ranking(package, self._context.environment, self._context.request))
        except (Exception, SystemExit) as error:  # some libraries exit where they should raise
            self._failures.setdefault(package.backend, []).append((package.package_id, describe_failure(error)))
            return True, ()

    def report(self) -> None:
        """Log what failed."""
        for backend, failures in self._failures.items():
            package_id, what = min(failures)
            logger.warning(
                "The ranking of %s failed for %d packages, which therefore come last among those of backend %r. "
                "Package %s: %s",
                self._context.backend(backend).plugin,
                len(failures),
                backend,
                package_id,
                what,
            )


def _resolve_rank(backend: str, context: Context) -> Callable[..., Any] | None:
    target = context.backend(backend).spec.rank
    return None if target is None else resolve(target)


def comparable(rank: object) -> Key:
    """Return a plugin's rank as a key that compares with that of every other package, whatever they hold.

    Numbers come before text, text before tuples, and None and NaN, which stand for "not known", last. Of two
    ranks that begin alike, the shorter one comes first.

    Raises:
        TypeError: it is no tuple, or holds something else.
    """
    if not isinstance(rank, tuple):
        raise TypeError(f"rank must return a tuple, not {type(rank).__name__}")
    return tuple(map(_comparable_item, rank))


def _comparable_item(item: object) -> Key:
    if item is None:
        return (3,)
    if isinstance(item, str):
        return (1, str(item))
    if isinstance(item, tuple):
        return (2, comparable(item))
    if isinstance(item, Integral):
        return (0, int(item))
    if isinstance(item, Real):
        return (3,) if isnan(item) else (0, float(item))
    raise TypeError(f"rank must hold numbers, text, None and tuples of these, not {type(item).__name__}")
