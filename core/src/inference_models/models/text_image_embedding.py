"""Models that put images and text into one vector space."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

from inference_models.errors import InvalidParameterError
from inference_models.models.base import Images, Model
from inference_models.models.keywords import keywords_of
from inference_models.predictions.arrays import Array, is_torch

EmbeddedType: TypeAlias = Literal["image", "text", "embedding"]
"""What is compared: images, texts, or vectors that `embed_images` or `embed_text` gave before."""

_EPSILON = 1e-12
"""A vector shorter than this is not scaled up to length 1, but divided by this: zero stays zero."""


class TextImageEmbeddingModel(Model):
    """Puts images and text into one vector space, where what belongs together is close."""

    @abstractmethod
    def embed_images(self, images: Images, *args: Any, **kwargs: Any) -> Array:
        """Return a vector for each image, (n, d) floating point."""

    @abstractmethod
    def embed_text(self, texts: str | Sequence[str], *args: Any, **kwargs: Any) -> Array:
        """Return a vector for each text, (n, d) floating point."""

    def compare_embeddings(
        self, x: Any, y: Any, x_type: EmbeddedType = "image", y_type: EmbeddedType = "text", **kwargs: Any
    ) -> Array:
        """Return how similar each of x is to each of y: the cosine of the angle between their vectors.

        Args:
            x: images, texts or (n, d) vectors, as `x_type` says.
            y: images, texts or (m, d) vectors, as `y_type` says.
            x_type: what x is.
            y_type: what y is.
            **kwargs: options of `embed_images` and `embed_text`, each to those that name it.

        Returns:
            (n, m) in [-1, 1], of the library of the vectors.

        Raises:
            InvalidParameterError: an unknown type, or neither method accepts one of the keyword arguments.
            SessionClosedError: the model is closed.
        """
        self.ensure_open()
        images, text = keywords_of(self, {"embed_images": 1, "embed_text": 1}, kwargs)

        def embed(value: Any, kind: EmbeddedType) -> Array:
            if kind == "image":
                return self.embed_images(value, **images)
            if kind == "text":
                return self.embed_text(value, **text)
            if kind == "embedding":
                return value
            raise InvalidParameterError(f'`x_type` and `y_type` are "image", "text" or "embedding", got {kind!r}.')

        return _normalize(embed(x, x_type)) @ _normalize(embed(y, y_type)).T


def _normalize(vectors: Array) -> Array:
    """Divide each of the (n, d) vectors by its length."""
    squares = vectors * vectors
    if is_torch(vectors):
        return vectors / squares.sum(dim=1, keepdim=True).sqrt().clamp(min=_EPSILON)
    import numpy as np

    return vectors / np.maximum(np.sqrt(squares.sum(axis=1, keepdims=True)), _EPSILON)
