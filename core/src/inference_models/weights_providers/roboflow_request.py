"""What is sent to Roboflow's API: where it is, by which way, with which query and headers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TypeAlias
from urllib.parse import quote, urlencode, urlsplit

from attrs import field, frozen

from inference_models.configuration import (
    LICENSE_SERVER,
    ROBOFLOW_API_HOST,
    ROBOFLOW_ENVIRONMENT,
    ROBOFLOW_REGION,
    SECURE_GATEWAY,
    Variable,
)
from inference_models.errors import InvalidEnvVariable, InvalidParameterError

__all__ = ["ExtraHeaders", "ExtraQueryParams", "Server", "WeightsRequest"]

ExtraQueryParams: TypeAlias = Mapping[str, str | Iterable[str]] | Iterable[tuple[str, str]] | None
"""A mapping whose values may be lists, or pairs in which a name may repeat."""

ExtraHeaders: TypeAlias = Mapping[str, str] | None

_WEIGHTS_PATH = "/models/v1/external/weights"
_HOSTS = {
    ("us", "prod"): "https://api.roboflow.com",
    ("us", "staging"): "https://api.roboflow.one",
    ("eu", "prod"): "https://api.roboflow.eu",
    ("eu", "staging"): "https://api.roboflow-eu.one",
}
_OUR_PARAMS = frozenset({"modelId", "startAfter"})
# Set by the HTTP client, or about the connection and not the request.
_OUR_HEADERS = frozenset(
    {"accept", "accept-encoding", "connection", "content-length", "cookie", "host", "transfer-encoding", "user-agent"}
)
# What RFC 9110 lets a header's name consist of, besides letters and digits.
_TOKEN_SIGNS = frozenset("!#$%&'*+-.^_`|~")


@frozen
class Server:
    """Where the API is.

    Attributes:
        api: scheme, host and port, perhaps a path; no slash at the end.
        gateway: likewise, of the gateway that all requests go through; None: they go straight.
    """

    api: str
    gateway: str | None = None

    @classmethod
    def from_configuration(cls) -> Server:
        """Return what the environment variables say now. Raises: InvalidEnvVariable."""
        host = ROBOFLOW_API_HOST.get()
        if host is None:
            api = _HOSTS[ROBOFLOW_REGION.get(), ROBOFLOW_ENVIRONMENT.get()]
        else:
            api = _base(host, "https", ROBOFLOW_API_HOST)
        for variable in (SECURE_GATEWAY, LICENSE_SERVER):
            address = variable.get()
            if address is not None:
                return cls(api, _base(address, "http", variable))
        return cls(api)

    def through_gateway(self, url: str) -> str:
        """Return `url` as the gateway takes it, once only; without a gateway `url` itself."""
        prefix = f"{self.gateway}/proxy?url="
        if self.gateway is None or url.startswith(prefix):
            return url
        return prefix + quote(url, safe="~()*!'")


def _base(text: str, scheme: str, variable: Variable[str | None]) -> str:
    url = text if "://" in text else f"{scheme}://{text}"
    try:
        parts = urlsplit(url)
        usable = parts.hostname and parts.port != 0 and not parts.query and not parts.fragment
        usable = usable and parts.username is None and parts.scheme in {"http", "https"} and url.isprintable()
    except ValueError:
        usable = False
    if not usable:
        # Not shown: where a user name or query was written, there may be a password in it.
        raise InvalidEnvVariable(
            f"Environment variable {variable.name} cannot be used: it must be an address such as "
            f"https://api.example.com, without user name, query and fragment. Correct it or unset it."
        )
    return url.rstrip("/")


def _query_params(extra: ExtraQueryParams) -> tuple[tuple[str, str], ...]:
    """Return pairs of texts. Raises: InvalidParameterError, which shows no value."""
    pairs: list[tuple[object, object]] = []
    try:
        for name, value in extra.items() if isinstance(extra, Mapping) else extra or ():
            several = isinstance(value, list | tuple)
            pairs += [(name, item) for item in value] if several else [(name, value)]
    except (TypeError, ValueError):
        pairs = [(None, None)]
    return _texts(pairs, "weights_provider_extra_query_params", "a mapping or pairs of names and texts")


def _headers(extra: ExtraHeaders) -> tuple[tuple[str, str], ...]:
    """Return pairs of texts. Raises: InvalidParameterError, which shows no value."""
    argument, expected = "weights_provider_extra_headers", "a mapping of names and texts that a header can hold"
    pairs = list(extra.items()) if isinstance(extra, Mapping) else [] if extra is None else [(None, None)]
    texts = _texts(pairs, argument, expected)
    for name, value in texts:
        is_token = name and name.isascii() and all(sign.isalnum() or sign in _TOKEN_SIGNS for sign in name)
        if not is_token or not (value.isascii() and value.isprintable()) or value != value.strip():
            raise InvalidParameterError(f"{argument}= takes {expected}; {name!r} cannot be sent.")
    return texts


def _texts(pairs: Iterable[tuple[object, object]], argument: str, expected: str) -> tuple[tuple[str, str], ...]:
    texts = []
    for name, value in pairs:
        if not isinstance(name, str) or not isinstance(value, str):
            named = f"; the value of {name!r} is a {type(value).__name__!r}" if isinstance(name, str) else ""
            raise InvalidParameterError(f"{argument}= takes {expected}{named}.")
        texts.append((name, value))
    return tuple(texts)


@frozen(kw_only=True)
class WeightsRequest:
    """A question about one model. What may be secret does not show.

    Attributes:
        model_id: the model.
        server: where to ask.
        api_key: sent as a bearer token; None: none is sent.
        extra_query_params: added to the query, unless they are ours.
        extra_headers: added to the headers, likewise.
    """

    model_id: str
    server: Server
    api_key: str | None = field(default=None, repr=False)
    extra_query_params: tuple[tuple[str, str], ...] = field(default=None, repr=False, converter=_query_params)
    extra_headers: tuple[tuple[str, str], ...] = field(default=None, repr=False, converter=_headers)

    def url(self, start_after: str | None = None) -> str:
        """Return the address of a page, through the gateway if there is one."""
        query = [("modelId", self.model_id), *([("startAfter", start_after)] if start_after else [])]
        query += [(name, value) for name, value in self.extra_query_params if name not in _OUR_PARAMS]
        return self.server.through_gateway(f"{self.server.api}{_WEIGHTS_PATH}?{urlencode(query, errors='replace')}")

    def headers(self) -> dict[str, str]:
        """Return the headers."""
        ours = {} if self.api_key is None else {"Authorization": f"Bearer {self.api_key}"}
        taken = _OUR_HEADERS | {name.lower() for name in ours}
        return {**{name: value for name, value in self.extra_headers if name.lower() not in taken}, **ours}

    def secrets(self) -> dict[str, str]:
        """Return what must not appear in messages, in the ways in which a server may repeat it, with labels."""
        values = [(self.api_key or "", "<API key>")]
        values += [(value, "<extra value>") for _, value in (*self.extra_query_params, *self.extra_headers)]
        return {
            written: label
            for value, label in reversed(values)
            for written in (
                value,
                quote(value, errors="replace"),
                quote(value, "", errors="replace"),
                json.dumps(value)[1:-1],
            )
            if written
        }
