"""Acme's plugin keeps to the contracts of plugins and of weights providers."""

from __future__ import annotations

import pytest

from inference_models.testing import PluginContract, ProviderContract


class TestPlugin(PluginContract):
    distribution = "acme-provider"


class TestProvider(ProviderContract):
    provider = "acme"
    model_id = "line-7/defects@4"
    unknown_id = "line-7/defects@5"
    api_key = "acme_token-of-a-customer"

    @pytest.fixture(autouse=True)
    def _index(self, acme, monkeypatch):
        """Acme's index runs, the environment says where, and this is a customer's token."""
        acme.token = self.api_key
        monkeypatch.setenv("ACME_TOKEN", self.api_key)
