"""From the columns of the network's scores to the classes of predictions."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from attrs import frozen

from inference_models import CorruptedModelPackageError
from inference_models.developer_tools import ClassMapping

__all__ = ["Classes"]

NOT_SHOWN = -1


@frozen(eq=False)
class Classes:
    """The network's classes, and which of them are shown.

    A network has a score for each class, and often one more at the end, for the background, which training never
    raises. It is not shown, nor is a class without a name or one that the package removes.

    Attributes:
        mapping: from the names that the package lists to those of predictions.
    """

    mapping: ClassMapping

    @property
    def names(self) -> tuple[str, ...]:
        """Of the classes in predictions, by id."""
        return self.mapping.names

    def expected_columns(self) -> tuple[int, int]:
        """Return how many scores a network of these classes may have: without the background, and with it."""
        return len(self.mapping.network_names), len(self.mapping.network_names) + 1

    def shown_ids(self, columns: int) -> npt.NDArray[np.intp]:
        """Return the id in predictions of each column, (columns,); -1 for what is not shown.

        Raises:
            CorruptedModelPackageError: the network has another number of classes.
        """
        if columns not in self.expected_columns():
            fewest, most = self.expected_columns()
            raise CorruptedModelPackageError(
                f"The network scores {columns} classes, expected {fewest}, one for each line of class_names.txt, or "
                f"{most}, with one for the background. Put the class_names.txt that the network was trained with into "
                f"the package (a blank line before the last name counts as a class)."
            )
        ids = np.full(columns, NOT_SHOWN, np.intp)
        ids[: len(self.mapping.ids)] = self.mapping.ids
        nameless = [column for column, name in enumerate(self.mapping.network_names) if not name]
        ids[nameless] = NOT_SHOWN
        return ids

    def column_thresholds(
        self, columns: int, threshold: float | npt.NDArray[np.float32]
    ) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float32]]:
        """Return the ids of `shown_ids`, and a threshold for each column: infinite for what is not shown.

        Args:
            columns: how many scores the network has.
            threshold: one for all classes in predictions, or (classes,) with one for each.
        """
        ids = self.shown_ids(columns)
        thresholds = np.full(columns, np.inf, np.float32)
        shown = ids != NOT_SHOWN
        thresholds[shown] = threshold if isinstance(threshold, float) else threshold[ids[shown]]
        return ids, thresholds
