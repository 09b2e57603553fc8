"""Whether keys and signatures stay out of what people see: representations, logs, errors."""

from __future__ import annotations

import json
import traceback
from collections.abc import Iterable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from urllib.parse import quote, quote_plus, urlsplit

from inference_models.metadata import ModelMetadata
from inference_models.testing.checks.findings import Finding
from inference_models.testing.checks.provider_subject import ProviderSubject, all_logs, variables

CANARY = "canary+/=?&%7f-91c2"
"""A key that no server accepts, with characters that change when it is put into an address."""

_SHORTEST = 8  # what is shorter stands in logs by chance


def check_secrets(provider: ProviderSubject) -> None:
    """The key is in no representation, log or error, whether the server takes it or not; nor is a file's signature."""
    for key in filter(None, (CANARY, provider.api_key)):
        for model_id in filter(None, (provider.model_id, provider.unknown_id)):
            _search(provider, f"asked for {model_id!r}", _texts_of_asking(provider, model_id, key), {"its key": key})
            if provider.spec.api_key_variable:
                with variables(**{provider.spec.api_key_variable: key}):
                    texts = list(_texts_of_asking(provider, model_id, None))
                _search(provider, f"asked for {model_id!r}", texts, {"its key": key})
    if provider.model_id is not None:
        texts = [("the metadata's repr", repr(provider.metadata))]
        _search(provider, f"asked for {provider.model_id!r}", texts, dict(_signatures(provider.metadata)))


def _texts_of_asking(provider: ProviderSubject, model_id: str, key: str | None) -> Iterator[tuple[str, str]]:
    with all_logs() as lines, redirect_stdout(StringIO()) as printed, redirect_stderr(printed):
        try:
            answer = provider.ask_itself(model_id, key)
        except Exception as error:
            yield "the error", "".join(traceback.format_exception(error))
        else:
            yield "the metadata's repr", repr(answer)
    yield from (("a log message", line) for line in lines)
    yield "what it prints", printed.getvalue()


def _signatures(metadata: ModelMetadata) -> Iterator[tuple[str, str]]:
    for package in metadata.model_packages:
        for file in package.package_artefacts:
            yield f"the query of the address of {file.file_handle!r}", urlsplit(file.download_url).query
            for name, value in file.headers.items():
                yield f"the header {name!r} of {file.file_handle!r}", value


def _search(provider: ProviderSubject, when: str, texts: Iterable[tuple[str, str]], secrets: dict[str, str]) -> None:
    for where, text in texts:
        for what, secret in secrets.items():
            if len(secret) >= _SHORTEST and any(form in text for form in _forms(secret)):
                raise Finding(
                    f"When {provider} is {when}, {where} shows {what}.",
                    "Send keys as headers (ask_api shows none), pass addresses through redact_url before they go into "
                    "a message, and keep fields that hold secrets out of representations (repr=False).",
                )


def _forms(secret: str) -> set[str]:
    return {secret, quote(secret), quote(secret, ""), quote_plus(secret), json.dumps(secret)[1:-1], repr(secret)[1:-1]}
