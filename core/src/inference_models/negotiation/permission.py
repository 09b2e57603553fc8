"""What the policy in force has against a package. Without a policy, nothing."""

from __future__ import annotations

from collections.abc import Iterator

from inference_models.errors import BaseInferenceModelsError
from inference_models.metadata import ModelPackageMetadata
from inference_models.negotiation.context import Context
from inference_models.policy import Policy
from inference_models.policy.programs import files_in


def is_permitted(package: ModelPackageMetadata, context: Context) -> str | None:
    """Reject packages that the policy forbids, whatever was asked for.

    Under a policy that forbids programs, the files of a package that lies on this machine are listed; this is the one
    look at a disk in all of negotiation.
    """
    if context.policy.path is None:
        return None
    return next(filter(None, _refusals(package, context.policy)), None)


def _refusals(package: ModelPackageMetadata, policy: Policy) -> Iterator[str | None]:
    if not package.trusted_source:
        yield policy.refuse_untrusted()
    yield policy.refuse_weights(package.weights_license)
    yield policy.refuse_programs(package.backend, lambda: _files(package))
    if package.directory is None:
        for file in package.package_artefacts:
            hashes = {"md5": file.md5_hash, "sha256": file.sha256_hash}
            kinds = [kind for kind, value in hashes.items() if value is not None]
            yield policy.refuse_proof(kinds, f"its file {file.file_handle!r}")
            yield _refuse_origin(file.download_url, policy)


def _files(package: ModelPackageMetadata) -> Iterator[str]:
    yield from (file.file_handle for file in package.package_artefacts)
    if package.directory is not None:
        yield from files_in(package.directory)


def _refuse_origin(url: str, policy: Policy) -> str | None:
    if policy.rules.origins is None:
        return None
    from inference_models.download.addresses import checked_url  # imports requests

    try:
        return policy.refuse_url(checked_url(url))
    except BaseInferenceModelsError:  # nobody will ask it: the download says why
        return policy.refuse_url(url)
