"""The weights provider `acme`: what a model of Acme's consists of, and which there are."""

from __future__ import annotations

from acme_provider.documents import read_ids, read_model
from acme_provider.ids import AcmeId
from acme_provider.index import Index
from inference_models.developer_tools import ModelMetadata


def get_model(model_id: str, api_key: str | None = None) -> ModelMetadata:
    """Return what Acme's index knows about a model.

    Args:
        model_id: "line-7/defects@4", or "line-7/defects" for the newest version.
        api_key: the token; None: `ACME_TOKEN`.

    Raises:
        ModelNotFoundError: there is no such model, or the token may not see it.
        UnauthorizedModelAccessError: there is no token, or it is wrong.
        ForbiddenModelAccessError: the token is not for this model.
        RetryError: the index cannot be reached, or keeps failing.
        OfflineModeError: the network is switched off.
        ModelRetrievalError: the answer cannot be used.
    """
    asked = AcmeId.parse(model_id)
    index = Index.connect(api_key)
    return read_model(index.model(asked), asked, index.file_address)


def list_models() -> list[str]:
    """Return the ids of all models that the token in `ACME_TOKEN` may see, each version by itself.

    Raises:
        UnauthorizedModelAccessError, RetryError, OfflineModeError, ModelRetrievalError: as `get_model`.
    """
    return read_ids(Index.connect().models())
