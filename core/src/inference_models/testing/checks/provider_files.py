"""Whether the files that a provider names can be fetched, proven and written anywhere."""

from __future__ import annotations

from inference_models.download.addresses import checked_url
from inference_models.download.integrity import parse_hashes
from inference_models.errors import BaseInferenceModelsError, CorruptedModelPackageError, ModelRetrievalError
from inference_models.handles import problem_of_handles
from inference_models.metadata import FileDownloadSpecs
from inference_models.testing.checks.findings import Finding, NotChecked
from inference_models.testing.checks.provider_subject import ProviderSubject

_STAYS = ("file_handle", "md5_hash", "sha256_hash", "size")


def check_files(provider: ProviderSubject) -> None:
    """Every file has a name that every platform takes, a hash that proves it, and an address that may be used."""
    _require_files(provider)
    for package in provider.metadata.model_packages:
        handles = [file.file_handle for file in package.package_artefacts]
        if problem := problem_of_handles(handles):
            raise Finding(
                f"Package {package.package_id!r} of {provider.asked}: {problem}.",
                "Name files by relative paths with / between folders, without what Windows forbids.",
            )
        for file in package.package_artefacts:
            if problem := _problem(file):
                raise Finding(
                    f"{provider}, file {file.file_handle!r}: {problem}",
                    "State sha256_hash (64 hex digits) or md5_hash (32); a package without is rejected, unless users "
                    "insist. Addresses are https; credentials go into headers.",
                )


def _problem(file: FileDownloadSpecs) -> str | None:
    if not file.has_hash:
        return "no hash is stated, so nothing would prove what was fetched."
    try:
        parse_hashes(file.md5_hash, file.sha256_hash, file.file_handle)
        checked_url(file.download_url)
    except (CorruptedModelPackageError, ModelRetrievalError) as error:
        return error.message
    return None


def check_refresh(provider: ProviderSubject) -> None:
    """What `refresh` of a file returns is the same file at another address."""
    _require_files(provider)
    renewable = [file for _, file in provider.files() if file.refresh is not None]
    if not renewable:
        raise NotChecked("no file has a `refresh`; addresses that expire need one")
    for file in renewable:
        assert file.refresh is not None, "just filtered"
        try:
            fresh = file.refresh()
        except BaseInferenceModelsError as error:
            raise Finding(
                f"`refresh` of {file.file_handle!r} fails: {error.message}", "Return the file with a fresh address."
            ) from None
        if not isinstance(fresh, FileDownloadSpecs):
            raise Finding(
                f"`refresh` of {file.file_handle!r} returns {type(fresh).__name__}.", "Return a FileDownloadSpecs."
            )
        if changed := [name for name in _STAYS if getattr(fresh, name) != getattr(file, name)]:
            raise Finding(
                f"`refresh` of {file.file_handle!r} returns a file with another {changed[0]}.",
                "Return the same file; only download_url and headers may differ.",
            )
        if _problem(file) is None and (problem := _problem(fresh)):
            raise Finding(f"`refresh` of {file.file_handle!r}: {problem}", "Return an address that may be used.")


def _require_files(provider: ProviderSubject) -> None:
    if not any(True for _ in provider.files()):
        raise NotChecked(f"{provider.asked} has no files to fetch: its packages lie on this machine")
