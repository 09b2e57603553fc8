"""Asking a weights provider for a model, and what is done while it cannot be asked."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from inference_models.configuration import OFFLINE, is_offline
from inference_models.errors import ModelRetrievalError, OfflineModeError, RetryError

if TYPE_CHECKING:
    from inference_models.catalog import Catalog
    from inference_models.metadata import ModelMetadata
    from inference_models.weights_providers import ModelSource

__all__ = ["Question"]

logger = logging.getLogger(__name__)


@frozen
class Question:
    """What a weights provider is asked, and by whom.

    Attributes:
        source: the provider, and the id by which it knows the model.
        catalog: what the installed plugins declare.
        api_key: with which it is asked; None: the one in the provider's own variable, if any.
        options: for the provider.
    """

    source: ModelSource
    catalog: Catalog
    api_key: str | None = field(default=None, repr=False)
    options: dict[str, Any] = field(factory=dict, repr=False)

    @property
    def needs_network(self) -> bool:
        """Whether the answer comes over the network."""
        from inference_models.weights_providers.core import works_offline

        return not works_offline(self.source, self.catalog)

    def ask(self) -> tuple[ModelMetadata, bool]:
        """Return what the provider says now, or, while it cannot be asked, what the cache knows; and whether it does.

        Raises:
            OfflineModeError: the network is switched off and the cache does not have the model.
            ModelRetrievalError: the provider is missing, failed, or does not know it.
        """
        from inference_models.weights_providers.core import get_model_metadata

        if is_offline() and self.needs_network:
            return self._from_disk(), True
        try:
            metadata = get_model_metadata(self.source, self.catalog, self.api_key, self.options)
        except RetryError as error:
            return self._despite(error), True
        return self._with_builds(metadata), False

    def note_grant(self, model_id: str) -> None:
        """Note that the model, as its provider knows it, was given to whoever asks so."""
        from inference_models.store.grants import note_grant

        if self.needs_network and (key := self._key(model_id)) is not None:
            note_grant(self.source.provider, model_id, key)

    def _with_builds(self, metadata: ModelMetadata) -> ModelMetadata:
        from inference_models.store.builds import with_local_builds

        return metadata if self.source.is_local else with_local_builds(metadata, self.source.provider, self.catalog)

    def _on_disk(self) -> ModelMetadata | None:
        from inference_models.store.offline import offline_metadata

        return offline_metadata(self.source.provider, self.source.model_id, catalog=self.catalog)

    def _from_disk(self) -> ModelMetadata:
        from inference_models.store import cache_root

        metadata = self._on_disk()
        if metadata is None:
            raise OfflineModeError(
                f"The network is switched off ({OFFLINE.name}), and the cache {cache_root()} does not hold "
                f"{self.source}. Load it once with the network on, or carry it here with 'im bundle'."
            )
        return metadata

    def _despite(self, error: RetryError) -> ModelMetadata:
        """Return what is on disk when the provider cannot be reached: an outage must not stop what was loaded before.

        A refusal is no outage: it is raised as it is. Nor does an outage give anybody what somebody else was given.
        """
        from inference_models.store.grants import was_granted

        try:
            metadata = self._on_disk()
        except ModelRetrievalError:  # the cache cannot be read either; the outage is what happened first
            metadata = None
        if metadata is None or not metadata.model_packages:
            raise error
        if not was_granted(self.source.provider, metadata.model_id, self._key(metadata.model_id)):
            error.message += (
                f"\nThe model is on disk, but it was given to another API key, or to other settings of the provider. "
                f"If you may use it, load it with {OFFLINE.name}=1, which asks nobody."
            )
            raise error
        logger.warning("%s cannot be looked up, so what is on disk is used: %s", self.source, error.message)
        return metadata

    def _key(self, model_id: str) -> str | None:
        """Return the key of all that the provider's answer depends on; None: the cache cannot hold a salt."""
        from inference_models.store import resolution_key
        from inference_models.weights_providers.core import credential_of, settings_of

        asked = {
            "provider": self.source.provider,
            "model_id": model_id,
            "provider_options": self.options,
            "provider_settings": settings_of(self.source, self.catalog),
        }
        return resolution_key(asked, credential_of(self.source, self.catalog, self.api_key))
