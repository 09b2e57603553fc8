"""The weights provider `roboflow`: asks Roboflow's API what it knows about a model."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

from attrs import evolve, field, frozen

from inference_models.catalog import current_catalog
from inference_models.configuration import ROBOFLOW_API_KEY
from inference_models.errors import (
    InvalidParameterError,
    ModelRetrievalError,
    redact_url,
)
from inference_models.metadata import (
    FileDownloadSpecs,
    ModelDependency,
    ModelMetadata,
    ModelPackageMetadata,
    UnreadablePackage,
)
from inference_models.weights_providers.roboflow_manifest import ModelDocument, read_model, read_packages
from inference_models.weights_providers.roboflow_refusals import beginning_of, refusal
from inference_models.weights_providers.roboflow_request import ExtraHeaders, ExtraQueryParams, Server, WeightsRequest
from inference_models.weights_providers.wire import WireError, hiding, read_json, shown

__all__ = ["get_roboflow_model"]

# A model has tens of packages; this many pages mean that the server will never come to an end.
MOST_PAGES = 1_000
_NO_KEY = "local"
# What must be the same on every page, or the pages are not about one model.
_IDENTITY = ("model_id", "model_architecture", "model_variant", "task_type", "recommended_parameters")


def get_roboflow_model(
    model_id: str,
    api_key: str | None = None,
    *,
    weights_provider_extra_query_params: ExtraQueryParams = None,
    weights_provider_extra_headers: ExtraHeaders = None,
) -> ModelMetadata:
    """Return what Roboflow's API knows about a model.

    Packages that cannot be read are in `unreadable_packages`, each with the reason; what is wrong with the model as a
    whole is an error. The addresses of files are signed for a while: each file can ask for a fresh one.

    Args:
        model_id: as in "workspace/project/3" or "yolov8n-640".
        api_key: None: `ROBOFLOW_API_KEY`. "local": none is sent.
        weights_provider_extra_query_params: added to the query: a mapping, or pairs in which a name may repeat.
        weights_provider_extra_headers: added to the headers. Neither replaces what this function sends by itself.

    Raises:
        OfflineModeError: the network is switched off.
        UnauthorizedModelAccessError: the API asks for a key, or refuses the one that was given.
        PaymentRequiredModelAccessError, ForbiddenModelAccessError, UsagePausedModelAccessError: it says so.
        ModelNotFoundError: it has no such model.
        RetryError: it kept failing or could not be reached.
        ModelRetrievalError: its answer cannot be used.
        InvalidParameterError: the key or what is to be added cannot be sent.
        InvalidEnvVariable: a variable that says where the API is cannot be used.
    """
    if not isinstance(model_id, str) or not model_id.strip():
        raise InvalidParameterError(f"A model is named by a non-empty string, not {model_id!r}.")
    request = WeightsRequest(
        model_id=model_id,
        server=Server.from_configuration(),
        api_key=_find_key(api_key),
        extra_query_params=weights_provider_extra_query_params,
        extra_headers=weights_provider_extra_headers,
    )
    metadata = _fetch(request)
    addresses = _Addresses(partial(_fetch, request), metadata)
    packages = [
        evolve(
            package,
            package_artefacts=[addresses.refreshable(package.package_id, file) for file in package.package_artefacts],
        )
        for package in metadata.model_packages
    ]
    return evolve(metadata, model_packages=packages)


def _find_key(api_key: str | None) -> str | None:
    key = ROBOFLOW_API_KEY.get() if api_key is None else api_key
    if key is None or (isinstance(key, str) and key.strip() in {"", _NO_KEY}):
        return None
    if not isinstance(key, str) or not key.strip().isascii() or not key.strip().isprintable() or " " in key.strip():
        raise InvalidParameterError(
            "The API key for Roboflow is not one: a key is a single line of ASCII letters and digits. Copy it again "
            "from the settings of your workspace."
        )
    return key.strip()


def _fetch(request: WeightsRequest) -> ModelMetadata:
    """Ask for all pages and read them."""
    with hiding(request.secrets()):
        pages = list(_pages(request))
        first = _same_model(pages, request)
        packages, unreadable = _packages([raw for page in pages for raw in page.model_packages], request)
    dependencies = [
        ModelDependency(item.name, item.model_id, item.model_package_id) for item in first.model_dependencies or ()
    ]
    return ModelMetadata(
        model_id=first.model_id,
        model_architecture=first.model_architecture,
        model_packages=packages,
        task_type=first.task_type,
        model_variant=first.model_variant,
        model_dependencies=dependencies,
        recommended_parameters=first.recommended_parameters,
        unreadable_packages=unreadable,
    )


def _packages(
    raw_packages: list[object], request: WeightsRequest
) -> tuple[list[ModelPackageMetadata], list[UnreadablePackage]]:
    from inference_models.download.api import checked_url  # imports requests

    if not raw_packages:
        raise ModelRetrievalError(
            f"Roboflow's API lists no packages for {request.model_id!r}: the model is known, and there is nothing to "
            f"download. If it was trained a moment ago, try again later."
        )
    packages, unreadable = read_packages(
        raw_packages, current_catalog(), lambda url: checked_url(request.server.through_gateway(url))
    )
    return list(_distinct(packages)), unreadable


def _pages(request: WeightsRequest) -> Iterator[ModelDocument]:
    seen: set[str] = set()
    start_after: str | None = None
    for _ in range(MOST_PAGES):
        page = _page(request, start_after)
        yield page
        start_after = page.next_page
        if not start_after:
            return
        if start_after in seen:
            raise _unusable(request, f"its pages go round in circles: {shown(start_after)} follows twice")
        seen.add(start_after)
    raise _unusable(request, f"it has more than {MOST_PAGES} pages")


def _page(request: WeightsRequest, start_after: str | None) -> ModelDocument:
    from inference_models.download.api import ask_api  # imports requests

    answer = ask_api(request.url(start_after), request.headers(), purpose=f"the metadata of model {request.model_id!r}")
    if answer.status != 200:
        raise refusal(answer, request)
    try:
        return read_model(read_json(answer.body))
    except WireError as error:
        problem = str(error)
    except ValueError:
        kind = f" ({answer.content_type[:60]!r})" if answer.content_type else ""
        problem = f"it is not JSON{kind}: {beginning_of(answer)}"
    # Raised out here, so that the original, which holds the whole body, is not attached to it.
    raise _unusable(request, problem)


def _same_model(pages: list[ModelDocument], request: WeightsRequest) -> ModelDocument:
    """Return the first page, completed by what only later ones state. They must not contradict each other."""
    merged = pages[0]
    for page in pages[1:]:
        for name in (*_IDENTITY, "model_dependencies"):
            ours, theirs = getattr(merged, name), getattr(page, name)
            if ours is None:
                merged = evolve(merged, **{name: theirs})
            elif theirs is not None and theirs != ours:
                raise _unusable(
                    request,
                    f"two of its pages contradict each other ({name}); the model was changed meanwhile: try again",
                )
    return merged


def _distinct(packages: Iterable[ModelPackageMetadata]) -> Iterator[ModelPackageMetadata]:
    """Yield packages without those that repeat an earlier one, as happens when the list shifts between two pages."""
    seen: dict[str, list[ModelPackageMetadata]] = {}
    for package in packages:
        # Signed addresses differ from page to page.
        files = [evolve(file, download_url="-") for file in package.package_artefacts]
        bare = evolve(package, package_artefacts=files)
        same_id = seen.setdefault(package.package_id, [])
        if bare not in same_id:
            same_id.append(bare)
            yield package


def _unusable(request: WeightsRequest, problem: str) -> ModelRetrievalError:
    return ModelRetrievalError(
        f"The answer of {redact_url(request.server.api)} about model {request.model_id!r} cannot be used: {problem}. "
        f"If the address is right, report this to whoever runs the server."
    )


@frozen(eq=False)
class _Addresses:
    """Gives files fresh addresses. One request serves all files whose addresses expired together."""

    fetch: Callable[[], ModelMetadata] = field(repr=False)
    first: ModelMetadata = field(repr=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False, repr=False)
    _current: dict[str, Any] = field(factory=dict, init=False, repr=False)

    def refreshable(self, package_id: str, file: FileDownloadSpecs) -> FileDownloadSpecs:
        """Return the file, able to ask for a fresh address."""
        return evolve(file, refresh=partial(self.renew, package_id, file))

    def renew(self, package_id: str, old: FileDownloadSpecs) -> FileDownloadSpecs:
        """Return the same file as the provider describes it now. Raises: ModelRetrievalError."""
        with self._lock:
            fresh = self._find(package_id, old)
            if fresh is None or fresh.download_url == old.download_url:
                self._current["metadata"] = self.fetch()
                fresh = self._find(package_id, old)
        if fresh is None or fresh.md5_hash != old.md5_hash:
            raise ModelRetrievalError(
                f"Package {package_id!r} of model {self.first.model_id!r} was changed while it was being fetched: its "
                f"file {old.file_handle!r} is not the same any more. Load the model again."
            )
        return self.refreshable(package_id, fresh)

    def _find(self, package_id: str, file: FileDownloadSpecs) -> FileDownloadSpecs | None:
        metadata: ModelMetadata = self._current.get("metadata", self.first)
        for package in metadata.model_packages:
            for candidate in package.package_artefacts:
                if (package.package_id, candidate.file_handle) == (package_id, file.file_handle):
                    return candidate
        return None
