"""What the statuses of Roboflow's API mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inference_models.configuration import ROBOFLOW_API_KEY
from inference_models.errors import (
    ForbiddenModelAccessError,
    ModelNotFoundError,
    ModelRetrievalError,
    PaymentRequiredModelAccessError,
    UnauthorizedModelAccessError,
    UsagePausedModelAccessError,
    redact_url,
)
from inference_models.weights_providers.roboflow_request import WeightsRequest
from inference_models.weights_providers.wire import redact_text

if TYPE_CHECKING:
    from inference_models.download.api import ApiAnswer  # imports requests

__all__ = ["beginning_of", "refusal"]

_LONGEST_BODY = 300


def refusal(answer: ApiAnswer, request: WeightsRequest) -> ModelRetrievalError:
    """Return the error for a status other than 200, with the beginning of what the server says about it."""
    asked = f"{redact_url(request.server.api)} for model {request.model_id!r}"
    said = f"It answered with status {answer.status}: {beginning_of(answer)}"
    if answer.status == 401 and request.api_key is None:
        return UnauthorizedModelAccessError(
            f"There is no API key to ask {asked} with. Pass api_key=, or set {ROBOFLOW_API_KEY.name}. {said}"
        )
    if answer.status == 401:
        return UnauthorizedModelAccessError(
            f"The API key was refused by {asked}. Check that it is complete and belongs to a workspace that may use "
            f"the model. {said}"
        )
    if answer.status == 402:
        return PaymentRequiredModelAccessError(
            f"Payment is asked for by {asked}. Check the plan of your workspace. {said}"
        )
    if answer.status == 403:
        return ForbiddenModelAccessError(
            f"The API key may not do what was asked of {asked}. Use a key of the workspace that owns the model, or "
            f"ask its owner to share it. {said}"
        )
    if answer.status == 404:
        return ModelNotFoundError(
            f"There is no such model, or the API key cannot see it: asked was {asked}. Check the id, as in "
            f"workspace/project/version, and the key. {said}"
        )
    if answer.status == 423:
        return UsagePausedModelAccessError(
            f"The usage of the account is paused, says {asked}. Its owner can lift this in the settings of the "
            f"workspace. {said}"
        )
    return ModelRetrievalError(f"The request to {asked} failed. If it stays so, tell whoever runs the server. {said}")


def beginning_of(answer: ApiAnswer) -> str:
    """Return the beginning of a body on one line, without secrets that it may repeat (see `wire.hiding`)."""
    text = redact_text(answer.body.decode("utf-8", "replace"))
    text = "".join(letter if letter.isprintable() else " " for letter in text[: _LONGEST_BODY * 4])
    text = " ".join(text.split())
    if len(text) > _LONGEST_BODY:
        text = f"{text[: _LONGEST_BODY - 3]}..."
    return text or "(no text)"
