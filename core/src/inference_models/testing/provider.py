"""The contract of weights providers."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar

import pytest

from inference_models.testing.checks import provider as checks
from inference_models.testing.checks import provider_files, provider_secrets
from inference_models.testing.checks.provider_subject import UNKNOWN_ID, ProviderSubject
from inference_models.testing.rules import Contract


class ProviderContract(Contract, contract=True):
    """What a weights provider keeps to. A server that it asks must be up, for example through an autouse fixture.

    Attributes:
        provider: its name, what users write in `name://model-id`.
        model_id: of a model that it has, without the scheme.
        unknown_id: of a model that it does not have.
        options: keyword arguments of each question, for example those that name a server.
        api_key: that it accepts; None when it needs none.
    """

    provider: ClassVar[str]
    model_id: ClassVar[str]
    unknown_id: ClassVar[str] = UNKNOWN_ID
    options: ClassVar[Mapping[str, Any]] = MappingProxyType({})
    api_key: ClassVar[str | None] = None

    @pytest.fixture
    def subject(self) -> ProviderSubject:
        """Return the provider as the checks take it."""
        subject = ProviderSubject(
            name=self.stated("provider", "the provider's name"),
            model_id=self.stated("model_id", "the id of a model that the provider has, without the scheme"),
            unknown_id=self.unknown_id,
            options=self.options,
            api_key=self.api_key,
        )
        self.known("provider", lambda: subject.spec)
        return subject

    def test_metadata_is_valid(self, subject: ProviderSubject) -> None:
        """The model's packages can be told apart, read and found."""
        self.run_check(checks.check_metadata, subject)

    def test_answers_are_repeatable(self, subject: ProviderSubject) -> None:
        """Asked again, it describes the same model."""
        self.run_check(checks.check_answers, subject)

    def test_files_are_safe(self, subject: ProviderSubject) -> None:
        """Files have safe names, hashes and addresses."""
        self.run_check(provider_files.check_files, subject)

    def test_refresh_gives_the_same_file(self, subject: ProviderSubject) -> None:
        """A fresh address leads to the same file."""
        self.run_check(provider_files.check_refresh, subject)

    def test_unknown_ids_are_not_found(self, subject: ProviderSubject) -> None:
        """An id that it does not have is a ModelNotFoundError that names it."""
        self.run_check(checks.check_unknown_id, subject)

    def test_strange_ids_are_refused(self, subject: ProviderSubject) -> None:
        """What is no id is an error of ours."""
        self.run_check(checks.check_strange_ids, subject)

    def test_lists_its_models(self, subject: ProviderSubject) -> None:
        """It lists the model, and near ids are suggested."""
        self.run_check(checks.check_listing, subject)

    def test_is_honest_about_the_network(self, subject: ProviderSubject) -> None:
        """With the network switched off it opens no connection, and answers if it says so."""
        self.run_check(checks.check_offline, subject)

    def test_reports_an_unreachable_server(self, subject: ProviderSubject) -> None:
        """A server that cannot be reached is a ModelRetrievalError."""
        self.run_check(checks.check_unreachable_server, subject)

    def test_reads_its_key_from_its_variable(self, subject: ProviderSubject) -> None:
        """Its variable is as good as api_key=."""
        self.run_check(checks.check_key_variable, subject)

    def test_shows_no_secret(self, subject: ProviderSubject) -> None:
        """No key or signature shows in representations, logs and errors."""
        self.run_check(provider_secrets.check_secrets, subject)
