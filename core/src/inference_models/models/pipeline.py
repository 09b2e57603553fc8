"""Models that work as one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Self, TypeAlias

from inference_models.errors import InvalidParameterError
from inference_models.models.base import Model
from inference_models.models.loaded_from import LoadedFrom
from inference_models.models.owning import Owner

Kinds: TypeAlias = type | tuple[type, ...]
"""One class, or several of which any will do."""


class ModelPipeline(Owner, ABC):
    """The base of pipelines: several models behind one `infer`.

    `close()` closes the models that the pipeline `owns`: those that `AutoModelPipeline` loaded for it. A model that the
    user loaded and passed in stays open, since the user may need it elsewhere.
    """

    @classmethod
    @abstractmethod
    def with_models(cls, models: Sequence[Any], *args: Any, **kwargs: Any) -> Self:
        """Return a pipeline of loaded models.

        Args:
            models: one for each place, in the order of the pipeline's spec.
            *args: none; together with `**kwargs` it lets subclasses name their own options.
            **kwargs: the pipeline's own options.

        Raises:
            InvalidParameterError: there are too many or too few models, or one is of the wrong kind.
        """

    @property
    def loaded_from(self) -> tuple[LoadedFrom | None, ...]:
        """What each model says about itself, in the order of the places; None for one that does not.

        Empty for a pipeline that `AutoModelPipeline` did not load.
        """
        sources: tuple[LoadedFrom | None, ...] = vars(self).get("_loaded_from", ())
        return sources

    @abstractmethod
    def infer(self, images: Any, *args: Any, **kwargs: Any) -> Any:
        """Run the pipeline on one image or several."""

    def __call__(self, images: Any, *args: Any, **kwargs: Any) -> Any:
        """Run the pipeline; the same as `infer`."""
        return self.infer(images, *args, **kwargs)

    @classmethod
    def check_models(cls, models: Sequence[Any], **places: Kinds) -> tuple[Any, ...]:
        """Return `models` after making sure that there is one for each place, of the kind that belongs there.

        Example: `detector, classifier = cls.check_models(models, detector=ObjectDetectionModel,
        classifier=ClassificationModel)`. An object that is no `Model` at all may stand anywhere, if it can be called.

        Args:
            models: one for each place.
            **places: the base class, or several of which any will do, by the name of the place, in order.

        Raises:
            InvalidParameterError: the message names the place, what belongs there, and what was given.
        """
        if len(models) != len(places):
            raise InvalidParameterError(
                f"{cls.__name__} joins {len(places)} models ({', '.join(places)}), got {len(models)}."
            )
        for place, (name, kinds) in enumerate(places.items()):
            model = models[place]
            if isinstance(model, kinds) or (callable(model) and not isinstance(model, (Model, type))):
                continue
            order = f" The order is: {', '.join(places)}." if any(isinstance(one, kinds) for one in models) else ""
            raise InvalidParameterError(
                f"{cls.__name__} needs {_described(kinds)} as its {name} (model {place}), and "
                f"{type(model).__name__} is {_task(model)}.{order}"
            )
        return tuple(models)


def _described(kinds: Kinds) -> str:
    names = [kind.__name__ for kind in (kinds if isinstance(kinds, tuple) else (kinds,))]
    return f"{'an' if names[0][0] in 'AEIOU' else 'a'} {' or '.join(names)}"


def _task(model: object) -> str:
    """Return which of the core's base classes a model has, in words."""
    for base in type(model).__mro__:
        if base.__module__.startswith(f"{__package__}.") and base not in (Model, Owner) and issubclass(base, Model):
            return _described(base)
    return "no model"
