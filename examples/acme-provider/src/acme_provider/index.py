"""Asking Acme's index. Everything over the wire goes through here, and the token goes nowhere else."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import quote

from acme_provider.configuration import INDEX, TOKEN
from acme_provider.ids import AcmeId
from inference_models import (
    BaseInferenceModelsError,
    ForbiddenModelAccessError,
    ModelNotFoundError,
    ModelRetrievalError,
    UnauthorizedModelAccessError,
)
from inference_models.developer_tools import ask_api, redact_url

_WHERE_TOKENS_ARE = "Tokens are made at https://acme.example/tokens"


@dataclass(frozen=True)
class Index:
    """Acme's index and the token to ask it with, which shows nowhere."""

    address: str
    _token: str = field(repr=False)

    @classmethod
    def connect(cls, token: str | None = None) -> Self:
        """Return the index that is configured. Nothing is sent.

        Args:
            token: None: the variable `ACME_TOKEN`.

        Raises:
            UnauthorizedModelAccessError: there is no token, or what was given can be none.
        """
        token = TOKEN.get() if token is None else token.strip()
        if not token:
            raise UnauthorizedModelAccessError(
                f"There is no token for Acme's index. {_WHERE_TOKENS_ARE}; set {TOKEN.name} or pass api_key=."
            )
        if not (token.isascii() and token.isprintable()) or " " in token:
            raise UnauthorizedModelAccessError(
                f"What was given as a token for Acme's index is none: a token is one line of letters, digits and "
                f"signs. Copy it again. {_WHERE_TOKENS_ARE}."
            )
        return cls(INDEX.get(), token)

    def models(self) -> Any:
        """Return the names and versions of all models that the token may see."""
        return self._ask("/v1/models", "the list of Acme's models")

    def model(self, asked: AcmeId) -> Any:
        """Return what is known about a model. Files have addresses that are good for a while."""
        return self._ask(f"/v1/models/{asked.name}/{asked.version or 'newest'}", f"Acme's model '{asked}'")

    def file_address(self, model: AcmeId, package_id: str, handle: str) -> Any:
        """Return a fresh address for one file."""
        package = f"/v1/models/{model.name}/{model.version}/packages/{quote(package_id, safe='')}"
        return self._ask(f"{package}/files/{quote(handle)}", f"the address of {handle!r} of Acme's model '{model}'")

    def _ask(self, path: str, purpose: str) -> Any:
        """Return the JSON of an answer. What a server says may repeat the token, so no message quotes it."""
        url = self.address + path
        answer = ask_api(url, {"Authorization": f"Bearer {self._token}"}, purpose=purpose)
        if answer.status != 200:
            raise _refusal(answer.status, url, purpose)
        try:
            return json.loads(answer.body)
        except (ValueError, RecursionError):
            pass
        # Raised out here, so that the original, which holds the whole body, is not attached to it.
        raise ModelRetrievalError(
            f"{redact_url(url)} did not answer with JSON when asked for {purpose}. Check that {INDEX.name} is the "
            f"address of Acme's index, and that no proxy answers in its place."
        )


def _refusal(status: int, url: str, purpose: str) -> BaseInferenceModelsError:
    said = f"{redact_url(url)} answered with status {status} when asked for {purpose}."
    if status == 401:
        return UnauthorizedModelAccessError(
            f"{said} The token is wrong or has expired. {_WHERE_TOKENS_ARE}; set {TOKEN.name} or pass api_key=."
        )
    if status == 403:
        return ForbiddenModelAccessError(f"{said} The token is not for this model: ask Acme's support to share it.")
    if status == 404:
        return ModelNotFoundError(f"Acme has no such model, or your token may not see it: {said}")
    return ModelRetrievalError(f"{said} If it stays so, tell Acme's support.")
