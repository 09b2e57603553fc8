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
        return ProviderSubject(
            name=self.stated("provider", "the provider's name"),
            model_id=self.stated("model_id", "the id of a model that the provider has, without the scheme"),
            unknown_id=self.unknown_id,
            options=self.options,
            api_key=self.api_key,
        )

    def test_metadata_is_valid(self, subject: ProviderSubject) -> None:
        self.run_check(checks.metadata_is_valid, subject)

    def test_answers_are_repeatable(self, subject: ProviderSubject) -> None:
        self.run_check(checks.answers_are_repeatable, subject)

    def test_files_are_safe(self, subject: ProviderSubject) -> None:
        self.run_check(provider_files.files_are_safe, subject)

    def test_refresh_gives_the_same_file(self, subject: ProviderSubject) -> None:
        self.run_check(provider_files.refresh_gives_the_same_file, subject)

    def test_unknown_id(self, subject: ProviderSubject) -> None:
        self.run_check(checks.unknown_id, subject)

    def test_strange_ids_are_refused(self, subject: ProviderSubject) -> None:
        self.run_check(checks.strange_ids_are_refused, subject)

    def test_listing_has_the_model(self, subject: ProviderSubject) -> None:
        self.run_check(checks.listing_has_the_model, subject)

    def test_offline(self, subject: ProviderSubject) -> None:
        self.run_check(checks.offline, subject)

    def test_unreachable_server(self, subject: ProviderSubject) -> None:
        self.run_check(checks.unreachable_server, subject)

    def test_key_is_read_from_its_variable(self, subject: ProviderSubject) -> None:
        self.run_check(checks.key_is_read_from_its_variable, subject)

    def test_secrets_stay_hidden(self, subject: ProviderSubject) -> None:
        self.run_check(provider_secrets.secrets_stay_hidden, subject)
