"""Which package of a model is on disk already."""

from __future__ import annotations

from inference_models.errors import InvalidParameterError
from inference_models.loading.options import LoadOptions
from inference_models.metadata import ModelPackageMetadata


def find_cached_model_package_dir(model_id: str, api_key: str | None = None) -> str | None:
    """Return the directory of the package of a model that would be loaded without a network; None: none is on disk.

    Args:
        model_id: an id as `AutoModel.from_pretrained` takes it.
        api_key: not used: what is on disk is this user's own.

    Raises:
        InvalidParameterError: `model_id` is a path, or no text.
        PolicyViolationError: the policy does not let its provider be asked.
    """
    from inference_models.catalog import current_catalog
    from inference_models.environment import current_environment
    from inference_models.negotiation import negotiate
    from inference_models.store.offline import offline_metadata
    from inference_models.weights_providers import find_source
    from inference_models.weights_providers.permission import refuse_forbidden

    source, catalog = find_source(model_id), current_catalog()
    refuse_forbidden(source)
    if source.is_local:
        raise InvalidParameterError(f"{model_id!r} is a path; models in the cache are found by their id.")
    metadata = offline_metadata(source.provider, source.model_id, catalog=catalog)
    if metadata is None:
        return None
    plan = negotiate(metadata, catalog, current_environment(), LoadOptions().make_request(catalog))
    best = plan.candidates[0].package if plan.candidates else None
    return str(best.directory) if isinstance(best, ModelPackageMetadata) else None
