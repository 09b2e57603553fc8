"""The handwritten digits that scikit-learn brings, and which of them are kept for measuring.

They are the test part of "Optical Recognition of Handwritten Digits" (E. Alpaydin and C. Kaynak, UCI Machine Learning
Repository, 1998, doi 10.24432/C50P49, CC BY 4.0): 1797 digits by 13 people.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

SPLIT_SEED = 20_241
HELD_OUT_SHARE = 0.2
CLASS_NAMES = tuple("0123456789")


@dataclass(frozen=True)
class Digits:
    """Some of the digits.

    Attributes:
        ink: (n, 8, 8) float32, how much of each cell is ink, 0..1.
        labels: (n,) int64, 0 to 9.
    """

    ink: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)


def load_digits() -> tuple[Digits, Digits]:
    """Return the 1438 digits for training and the 359 held out. They are the same on every machine."""
    from sklearn import datasets

    bunch = datasets.load_digits()
    ink = bunch.images.astype(np.float32) / np.float32(16)
    labels = bunch.target.astype(np.int64)
    order = np.random.default_rng(SPLIT_SEED).permutation(len(labels))
    held_out, training = np.split(order, [int(len(order) * HELD_OUT_SHARE)])
    return Digits(ink[training], labels[training]), Digits(ink[held_out], labels[held_out])
