"""A weights provider and what it is asked, for its checks; and watching what it does meanwhile."""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from attrs import evolve, field, frozen

from inference_models.catalog import current_catalog
from inference_models.metadata import FileDownloadSpecs, ModelMetadata
from inference_models.specs import WeightsProviderSpec, resolve
from inference_models.testing.checks.findings import Finding, NotChecked
from inference_models.weights_providers import ModelSource
from inference_models.weights_providers.core import get_model_metadata

UNKNOWN_ID = "no-such-model-4c1f"


@frozen(kw_only=True, slots=False)
class ProviderSubject:
    """What a check of a provider is given.

    Attributes:
        name: what users write in `name://model-id`.
        model_id: one that it has, without the scheme; None: only what needs no id is checked.
        unknown_id: one that it does not have.
        options: keyword arguments of each question.
        api_key: that it accepts; None when it needs none.
    """

    name: str
    model_id: str | None = None
    unknown_id: str = UNKNOWN_ID
    options: Mapping[str, Any] = field(factory=dict)
    api_key: str | None = field(default=None, repr=False)

    @cached_property
    def spec(self) -> WeightsProviderSpec:
        """What declares it. Raises: WeightsProviderNotFoundError, PluginConflictError."""
        return current_catalog().provider(self.name).spec

    def __str__(self) -> str:
        return f"the provider {self.name!r}"

    @property
    def asked_id(self) -> str:
        """The id. Raises: NotChecked without one."""
        if self.model_id is None:
            raise NotChecked("no id of a model is known")
        return self.model_id

    @property
    def asked(self) -> str:
        """What messages call the model."""
        return f"{self.name}://{self.asked_id}"

    @property
    def without_key(self) -> ProviderSubject:
        """The same without a key."""
        return evolve(self, api_key=None)

    @cached_property
    def listed(self) -> list[Any]:
        """What it lists. Raises: NotChecked when it does not, Finding when that fails."""
        if self.spec.list_models is None:
            raise NotChecked("it does not list its models")
        variable = self.spec.api_key_variable
        try:
            with variables(**{variable: self.api_key} if variable and self.api_key else {}):
                return list(resolve(self.spec.list_models)())
        except Exception as error:
            raise Finding(
                f"Listing the models of {self} fails: {type(error).__name__}: {error}",
                "Return the ids, or leave `list_models` out of the spec.",
            ) from None

    def ask(self, model_id: str, api_key: str | None = None) -> ModelMetadata:
        """Ask as the core does. Raises: whatever the provider raises, and ModelRetrievalError for what is no answer."""
        return get_model_metadata(ModelSource(self.name, model_id), current_catalog(), api_key, dict(self.options))

    def ask_itself(self, model_id: str, api_key: str | None = None) -> Any:
        """Ask the provider's own function, so that what it raises is seen as it is."""
        return resolve(self.spec.target)(model_id, api_key, **self.options)

    @cached_property
    def metadata(self) -> ModelMetadata:
        """What it says about the model. Raises: NotChecked without an id, Finding when it is no metadata."""
        return answer_of(self, self.asked_id, self.api_key)

    def require_answer(self) -> None:
        """Raises: NotChecked when it does not answer for the model, which other checks report."""
        try:
            _ = self.metadata
        except Finding as finding:
            raise NotChecked(finding.wrong) from None

    def files(self) -> Iterator[tuple[str, FileDownloadSpecs]]:
        """Yield (package id, file) for each file of the model that is to be fetched."""
        for package in self.metadata.model_packages:
            for file in package.package_artefacts:
                yield package.package_id, file


def answer_of(provider: ProviderSubject, model_id: str, api_key: str | None) -> ModelMetadata:
    """Return the metadata of a model that the provider has. Raises: Finding."""
    try:
        return provider.ask(model_id, api_key)
    except Exception as error:
        raise Finding(
            f"{provider} does not answer for {model_id!r}: {type(error).__name__}: {error}",
            "Return a ModelMetadata; or state a `model_id` that it has, and the `api_key` and `options` that it needs. "
            "A server that it asks must be up while the tests run.",
        ) from None


@contextmanager
def connections() -> Iterator[list[str]]:
    """Refuse all connections of this process while the block runs, and note in the list what they were to."""
    noted: list[str] = []
    before = {name: getattr(socket.socket, name) for name in ("connect", "connect_ex")}
    look_up = socket.getaddrinfo

    def refusing(name: str) -> Any:
        def refuse(self: socket.socket, address: Any) -> Any:
            if self.family not in {socket.AF_INET, socket.AF_INET6}:  # within this machine
                return before[name](self, address)
            noted.append(str(address))
            raise ConnectionRefusedError(f"connections are refused while a provider is checked: {address}")

        return refuse

    def refuse_look_up(host: Any, *_: Any, **__: Any) -> Any:
        noted.append(str(host))
        raise socket.gaierror(f"host names are not looked up while a provider is checked: {host}")

    try:
        for name in before:
            setattr(socket.socket, name, refusing(name))
        socket.getaddrinfo = refuse_look_up
        yield noted
    finally:
        socket.getaddrinfo = look_up
        for name, method in before.items():
            setattr(socket.socket, name, method)


@contextmanager
def variables(**values: str | None) -> Iterator[None]:
    """Set environment variables while the block runs; None unsets one."""
    before = {name: os.environ.get(name) for name in values}
    try:
        _set(values)
        yield
    finally:
        _set(before)


def _set(values: Mapping[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


@contextmanager
def all_logs() -> Iterator[list[str]]:
    """Note everything that is logged while the block runs, at any level, by any thread."""
    lines: list[str] = []
    lock = threading.Lock()

    class Noting(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            with lock:
                lines.append(f"{record.name}: {self.format(record)}")

    root, handler = logging.getLogger(), Noting(logging.NOTSET)
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield lines
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
