"""Which providers the policy lets be asked. Whoever resolves a provider's code, or names one, looks here first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inference_models.policy import current_policy

if TYPE_CHECKING:
    from inference_models.catalog import Catalog, Declared
    from inference_models.specs import WeightsProviderSpec
    from inference_models.weights_providers.sources import ModelSource

__all__ = ["permitted_providers", "refuse_forbidden", "refuse_forbidden_provider"]


def refuse_forbidden(source: ModelSource) -> None:
    """Refuse what the policy does not let be asked for, also when it is on disk. Raises: PolicyViolationError."""
    refuse_forbidden_provider(source.provider)
    if source.is_local:
        policy = current_policy()
        policy.require(f"{source.model_id!r} is a path and is not loaded", policy.refuse_local_path())


def refuse_forbidden_provider(name: str) -> None:
    """Refuse a provider that the policy does not let be asked. Raises: PolicyViolationError."""
    policy = current_policy()
    policy.require(f"The weights provider {name!r} is not asked", policy.refuse_provider(name))


def permitted_providers(catalog: Catalog) -> list[Declared[WeightsProviderSpec]]:
    """Return the providers that may be asked, for lists and hints."""
    policy = current_policy()
    return [row for row in catalog.providers() if policy.refuse_provider(row.spec.name) is None]
