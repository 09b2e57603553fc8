"""What a model says about itself, and whether a stream of pictures gets what single pictures get."""

from __future__ import annotations

import os
import re

from inference_models.catalog import current_catalog
from inference_models.configuration import VARIABLES
from inference_models.models import Model
from inference_models.streaming import predict_stream
from inference_models.testing.checks.comparing import difference
from inference_models.testing.checks.findings import Finding, NotChecked
from inference_models.testing.checks.subject import ModelSubject, one_by_one

_SIGNED = re.compile(r"https?://[^/\s]*@|[?&](sig|signature|token|key|api_key|x-amz-signature)=", re.IGNORECASE)
_SHORTEST_SECRET = 6  # a shorter value is in many texts by chance


def check_base_class(subject: ModelSubject) -> None:
    """Check that the model derives from a base class of `inference_models`.

    Raises:
        Finding: it does not.
    """
    if not isinstance(subject.model, Model):
        raise Finding(
            f"{subject.name} does not derive from inference_models.Model, so it has no close(), and pipelines, "
            f"`im predict` and services do not know what to do with it.",
            "Derive it from the base class of its task, for example inference_models.ObjectDetectionModel; for a new "
            "task from inference_models.Model.",
        )


def check_class_names(subject: ModelSubject) -> None:
    """Check that class names are a list of different texts, the same each time.

    Raises:
        Finding: they are not.
        NotChecked: the model states none.
    """
    if not hasattr(subject.model, "class_names"):
        raise NotChecked("the model has no class_names: its classes are not fixed in training")
    names = subject.model.class_names
    change = "Return a list of str, one for each class, indexed by class id."
    if not isinstance(names, (list, tuple)) or not all(isinstance(name, str) for name in names):
        raise Finding(f"{subject.name}.class_names is {names!r:.80}.", change)
    if list(subject.model.class_names) != list(names):
        raise Finding(f"{subject.name}.class_names is another list each time.", change)
    names_before = list(names)
    if isinstance(names, list):
        names.append("changed by the caller")
        if list(subject.model.class_names) != names_before:
            names.pop()
            raise Finding(
                f"{subject.name}.class_names hands out the model's own list: a caller that changes it changes the "
                f"model.",
                "Keep a tuple, and return list(...) of it.",
            )


def check_repr(subject: ModelSubject) -> None:
    """Check that neither `repr` nor `str` fails or shows a secret.

    Secrets are the values of variables for keys, and addresses with a password or a signature.

    Raises:
        Finding: one does.
    """
    variables = [variable.name for variable in VARIABLES if variable.secret]
    variables += [row.spec.api_key_variable for row in current_catalog().providers() if row.spec.api_key_variable]
    for show in (repr, str):
        try:
            text = show(subject.model)
        except Exception as error:
            raise Finding(
                f"{show.__name__}() of {subject.name} raised {type(error).__name__}: {error}",
                "Let __repr__ use only what __init__ has set.",
            ) from error
        secret = next((name for name in variables if _holds(text, os.environ.get(name))), None)
        if secret is not None or _SIGNED.search(text):
            what = f"the value of {secret}" if secret else "an address with a password or signature"
            raise Finding(
                f"{show.__name__}() of {subject.name} shows {what}.",
                "Keep keys out of attributes that are shown; developer_tools.redact_url cleans addresses.",
            )


def check_stream(subject: ModelSubject) -> None:
    """Check that `predict_stream` gives what the model gives for single pictures.

    Raises:
        Finding: it does not.
        NotChecked: the model has no stages, or another method than `infer` is checked.
    """
    if subject.method != "infer" or not hasattr(subject.model, "pre_process"):
        raise NotChecked("predict_stream overlaps the stages of `infer`, which this model does not have")
    streamed = list(predict_stream(subject.model, subject.images, **subject.options))
    for image, answer in streamed:
        (expected,) = subject.predict(image, 1)
        (given,) = one_by_one(answer, 1, f"predict_stream with {subject.name}")
        text = difference(expected, given, subject.tolerance)
        if text is not None:
            raise Finding(
                f"{subject.name} says different things of a picture in `infer` and in predict_stream: {text}.",
                "Let each stage work on its arguments alone: in a stream, the next picture is pre-processed while this "
                "one is in the network. What `infer` does besides belongs into `stages`.",
            )


def _holds(text: str, secret: str | None) -> bool:
    return secret is not None and len(secret) >= _SHORTEST_SECRET and secret in text
