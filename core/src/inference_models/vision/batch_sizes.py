"""How many images go through a network at once: what itself, its package's config and its metadata say together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from inference_models.errors import CorruptedModelPackageError
from inference_models.vision.inference_config import ForwardPass

if TYPE_CHECKING:
    from inference_models.metadata import ModelPackageMetadata

__all__ = ["BatchSizes", "choose_batch_sizes"]


@frozen
class BatchSizes:
    """Limits for `run_batched`.

    Attributes:
        smallest: shorter batches are padded.
        largest: longer ones are split; None: any number goes at once.
    """

    smallest: int
    largest: int | None


def choose_batch_sizes(
    network: tuple[int, int | None], forward_pass: ForwardPass, package: ModelPackageMetadata | None = None
) -> BatchSizes:
    """Return the batch sizes that all who say something about them agree on.

    A fixed size comes first; limits of a dynamic one count only where none is fixed.

    Args:
        network: (smallest, largest) batch of the network, as `batch_limits` returns them.
        forward_pass: of the package's inference_config.json.
        package: what the weights provider says about the package; None: nothing.

    Raises:
        CorruptedModelPackageError: they contradict each other. The message names who says what.
    """
    smallest, largest = network
    size = _agreed(
        {
            "the network takes a batch of": smallest if smallest == largest else None,
            "forward_pass.static_batch_size in inference_config.json is": forward_pass.static_batch_size,
            "static_batch_size in the package's metadata is": None if package is None else package.static_batch_size,
        }
    )
    if size is not None:
        return BatchSizes(size, size)
    if package is None:
        return BatchSizes(1, forward_pass.max_dynamic_batch_size)
    smallest = package.min_dynamic_batch_size or 1
    limits = (forward_pass.max_dynamic_batch_size, package.max_dynamic_batch_size)
    largest = min((size for size in limits if size is not None), default=None)
    if largest is not None and largest < smallest:
        raise CorruptedModelPackageError(
            f"The package's metadata says that the network takes batches of at least {smallest}, but "
            f"max_dynamic_batch_size in inference_config.json is {largest}. Correct the one that is wrong."
        )
    return BatchSizes(smallest, largest)


def _agreed(stated: dict[str, int | None]) -> int | None:
    """Return the one size stated; None when there is none."""
    sizes = {words: size for words, size in stated.items() if size is not None}
    if len(set(sizes.values())) > 1:
        said = ", but ".join(f"{words} {size}" for words, size in sizes.items())
        raise CorruptedModelPackageError(f"{said[0].upper()}{said[1:]}. Correct the one that is wrong.")
    return next(iter(sizes.values()), None)
