"""From the classes that a network knows to those that are shown: what `class_names_operations` of a package ask for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from attrs import frozen

from inference_models.errors import CorruptedModelPackageError
from inference_models.vision.arrays import as_like
from inference_models.vision.inference_config import ClassNameOperation

__all__ = ["ClassMapping", "map_classes"]

REMOVED = -1


@frozen(eq=False)
class ClassMapping:
    """How the classes of a network become those of predictions.

    Attributes:
        network_names: of the network's classes, indexed by its ids, as class_names.txt lists them.
        names: of the classes in predictions, indexed by their ids there: what is left, in the same order.
        kept: (classes,) the network's id of each class in predictions, ascending.
        ids: (network classes,) the id in predictions of each of the network's classes; -1 for one that is removed.
    """

    network_names: tuple[str, ...]
    names: tuple[str, ...]
    kept: npt.NDArray[np.intp]
    ids: npt.NDArray[np.intp]

    @property
    def removes(self) -> bool:
        """Whether any class is removed; if none is, both kinds of ids are the same."""
        return len(self.kept) < len(self.ids)

    def network_thresholds(self, threshold: float | npt.NDArray[np.float32]) -> float | npt.NDArray[np.float32]:
        """Return thresholds by the network's ids: infinite for a class that is removed, so that it is never found.

        Args:
            threshold: one for all classes in predictions, or (classes,) with one for each.

        Returns:
            `threshold` itself where nothing is removed, else (network classes,) float32.
        """
        if not self.removes:
            return threshold
        spread = np.full(len(self.ids), np.inf, np.float32)
        spread[self.kept] = threshold
        return spread

    def shown_ids(self, network_ids: Any) -> Any:
        """Return the ids in predictions of the network's; -1 where the class is removed.

        Args:
            network_ids: whole numbers, an array or a tensor of any shape.

        Returns:
            An array or a tensor of that shape; the same one where nothing is removed.
        """
        return as_like(self.ids, network_ids)[network_ids] if self.removes else network_ids


def map_classes(class_names: Sequence[str], operations: Iterable[ClassNameOperation]) -> ClassMapping:
    """Carry out the `class_names_operations` of a package.

    A "class_name_removal" takes away every class of that name. Those after it move up, so that predictions number
    their classes without a gap.

    Args:
        class_names: of the network's classes, by id.
        operations: as inference_config.json lists them.

    Raises:
        CorruptedModelPackageError: an operation names a class that there is not, or no class is left.
    """
    removed = {operation.class_name for operation in operations}
    unknown = sorted(removed.difference(class_names))
    if unknown:
        raise CorruptedModelPackageError(
            f"class_names_operations in inference_config.json remove {', '.join(map(repr, unknown))}, expected names "
            f"that class_names.txt has ({_listed(class_names)}). Correct the one that is wrong."
        )
    kept = [class_id for class_id, name in enumerate(class_names) if name not in removed]
    if removed and not kept:
        raise CorruptedModelPackageError(
            f"class_names_operations in inference_config.json remove every class that class_names.txt names "
            f"({_listed(class_names)}), so that nothing can be found. Correct one of the two."
        )
    ids = np.full(len(class_names), REMOVED, np.intp)
    ids[kept] = np.arange(len(kept))
    return ClassMapping(
        network_names=tuple(class_names),
        names=tuple(class_names[class_id] for class_id in kept),
        kept=np.array(kept, np.intp),
        ids=ids,
    )


def _listed(class_names: Sequence[str]) -> str:
    shown = ", ".join(map(repr, class_names[:10]))
    return f"{shown}{', ...' if len(class_names) > 10 else ''}" if class_names else "none"
