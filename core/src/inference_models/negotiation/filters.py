"""Why a package cannot be used: one small function per question, asked in this order.

Each returns None (go on) or the reason as a sentence that stands by itself beside the package's id.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from inference_models.catalog import Declared, install_hint
from inference_models.distributions import canonical_name
from inference_models.download.integrity import parse_hashes
from inference_models.entities import Quantization
from inference_models.errors import (
    CorruptedModelPackageError,
    InvalidEnvVariable,
    ModelPackageNegotiationError,
    PluginConflictError,
    PluginError,
    nearest_name,
)
from inference_models.handles import problem_of_handles
from inference_models.metadata import ModelPackageMetadata
from inference_models.negotiation.context import Context, describe_failure
from inference_models.negotiation.nms_fusion import reject_fused
from inference_models.negotiation.options import not_asked_for
from inference_models.negotiation.permission import is_permitted
from inference_models.specs import ModelSpec, resolve

Filter: TypeAlias = Callable[[ModelPackageMetadata, Context], str | None]


def is_requested_package(package: ModelPackageMetadata, context: Context) -> str | None:
    """Reject all but the package that was asked for by id."""
    wanted = context.request.model_package_id
    return None if wanted in (None, package.package_id) else f"another package was asked for: {wanted!r}"


def is_requested_backend(package: ModelPackageMetadata, context: Context) -> str | None:
    """Reject backends that were not asked for, by name or by an option that is for another one."""
    wanted = context.request.backends
    if wanted is None:
        return context.once(not_asked_for, package.backend)
    if canonical_name(package.backend) in wanted:
        return None
    return f"backend {package.backend!r} was not asked for (backend={list(wanted)!r})"


def is_trusted(package: ModelPackageMetadata, context: Context) -> str | None:
    """Reject packages that their provider does not vouch for, unless they are allowed."""
    if package.trusted_source or context.request.allow_untrusted_packages:
        return None
    return "its provider does not mark it as trusted; allow_untrusted_packages=True permits it"


def has_safe_file_names(package: ModelPackageMetadata, context: Context) -> str | None:
    """Reject packages with files that the store would not write. It refuses them too, as whoever writes must."""
    return context.once(_problem_of_names, tuple(file.file_handle for file in package.package_artefacts))


def _problem_of_names(handles: tuple[str, ...], context: Context) -> str | None:
    return problem_of_handles(handles)


def has_file_hashes(package: ModelPackageMetadata, context: Context) -> str | None:
    """Reject packages that would be fetched and whose files nothing would prove, unless they are allowed."""
    needs_hashes = package.directory is None and not context.request.download_files_without_hash
    for file in package.package_artefacts:
        if needs_hashes and not file.has_hash:
            return (
                f"its file {file.file_handle!r} came without the MD5 sum or SHA-256 that would prove what it is; "
                f"download_files_without_hash=True permits it"
            )
        try:
            parse_hashes(file.md5_hash, file.sha256_hash, file.file_handle)
        except CorruptedModelPackageError as error:
            return error.message.rstrip(".")
    return None


def backend_is_available(package: ModelPackageMetadata, context: Context) -> str | None:
    """Reject backends that this machine cannot run."""
    return context.once(_why_unavailable, package.backend)


def _why_unavailable(backend: str, context: Context) -> str | None:
    names = [row.spec.name for row in context.catalog.backends()]
    if canonical_name(backend) not in map(canonical_name, names):
        hint = install_hint("backends", backend) or _nearest(backend, names)
        return f"no installed plugin provides the backend {backend!r}.{hint}".rstrip(".")
    try:
        context.backend(backend)
        status = context.environment.backend(backend)
    except (PluginConflictError, ModelPackageNegotiationError) as error:
        return f"backend {backend!r} is unavailable: {error.message}"
    if status.available:
        return None
    fix = f"; to fix it: {status.fix}" if status.fix else ""
    return f"backend {backend!r} is unavailable: {status.reason}{fix}"


def _nearest(name: str, known: Iterable[str]) -> str:
    # No "did you mean": most names come from a provider and are right. One in a model_config.json may be mistyped.
    near = nearest_name(name, sorted(known))
    return f" The nearest one that is known is {near!r}." if near else ""


def has_implementation(package: ModelPackageMetadata, context: Context) -> str | None:
    """Reject packages that no installed plugin implements, or not with their features."""
    found = context.once(find_implementation, package.backend)
    if isinstance(found, str):
        return found
    spec = found.spec
    present = {name for name, value in package.model_features.items() if value is not None and value is not False}
    if unsupported := present - spec.supported_model_features - spec.required_model_features:
        return f"{found.plugin} does not support its features {_listed(unsupported)}"
    if missing := spec.required_model_features - present:
        name = f"{context.metadata.model_architecture} {context.metadata.task_type}"
        return f"{found.plugin} implements {name} only with features {_listed(missing)}"
    return None


def has_what_it_requires(package: ModelPackageMetadata, context: Context) -> str | None:
    """Reject packages whose implementation needs a distribution that is not installed, or not in that version."""
    return context.once(_missing_requirement, package.backend)


def _missing_requirement(backend: str, context: Context) -> str | None:
    found = find_implementation(backend, context)
    if isinstance(found, str):
        return None
    for requirement in found.spec.requires:
        try:
            reason = context.environment.unmet(requirement)
        except PluginError as error:
            return f"{found.plugin} cannot be used: {error.message}".rstrip(".")
        if reason is not None:
            return f"{found.plugin} needs {requirement} for the backend {backend!r}: {reason}"
    return None


def _listed(features: set[str] | frozenset[str]) -> list[str]:
    return sorted(map(str, features))


def find_implementation(backend: str, context: Context) -> Declared[ModelSpec] | str:
    """Return what implements the model on a backend, or why nothing does."""
    architecture, task = context.metadata.model_architecture, context.metadata.task_type
    try:
        return context.catalog.model(architecture, task, backend) or _missing_implementation(backend, context)
    except PluginConflictError as error:
        return error.message


def _missing_implementation(backend: str, context: Context) -> str:
    architecture, task = context.metadata.model_architecture, context.metadata.task_type
    name = f"architecture {architecture!r}"
    tasks = context.catalog.task_types(architecture, backend)
    if not tasks and not context.catalog.task_types(architecture):
        known = {one for row in context.catalog.models() for one in row.spec.architectures}
        hint = install_hint("architectures", architecture) or _nearest(architecture, known)
        return f"no installed plugin implements the {name}.{hint}".rstrip(".")
    if not tasks:
        return f"no installed plugin implements the {name} on the backend {backend!r}"
    if task is None:
        return f"the {name} has several tasks ({', '.join(sorted(tasks))}) and its metadata names none"
    return f"the {name} is implemented for {', '.join(sorted(tasks))}, not for {task!r}"


def has_requested_batch_size(package: ModelPackageMetadata, context: Context) -> str | None:
    """Reject packages that do not take the number of images per run that was asked for.

    A fixed size must lie in the range that was asked for, and that range within the limits of a dynamic one.
    A package that states nothing is given a chance.
    """
    wanted, size = context.request.batch_size, package.static_batch_size
    if wanted is None:
        return None
    asked = str(wanted[0]) if wanted[0] == wanted[1] else f"{wanted[0]} to {wanted[1]}"
    if size is not None:
        return None if wanted[0] <= size <= wanted[1] else f"it runs batches of {size}, asked for: {asked}"
    smallest, largest = package.min_dynamic_batch_size or 1, package.max_dynamic_batch_size
    if smallest <= wanted[0] and (largest is None or wanted[1] <= largest):
        return None
    limits = f"at least {smallest}" if largest is None else f"{smallest} to {largest}"
    return f"it runs batches of {limits}, asked for: {asked}"


def has_requested_quantization(package: ModelPackageMetadata, context: Context) -> str | None:
    """Reject quantizations that were not asked for, or are no default for the device."""
    wanted = context.request.quantizations
    if wanted is not None:
        return None if package.quantization in wanted else _not_among(package, wanted, "asked for")
    defaults = context.backend(package.backend).spec.default_quantizations
    device = (context.request.device or "cpu").partition(":")[0]
    permitted = defaults.get(device, defaults.get("*"))
    if not permitted or package.quantization in permitted:
        return None
    if context.request.device is None and context.environment.gpus:
        # The backend will choose, and may choose the GPU. Asked last: looking for GPUs takes time.
        permitted |= defaults.get("cuda", defaults.get("*", frozenset()))
        if package.quantization in permitted:
            return None
    return _not_among(package, permitted, f"chosen by default on {device}") + "; quantization= permits others"


def _not_among(package: ModelPackageMetadata, wanted: frozenset[Quantization], why: str) -> str:
    return f"its quantization is {package.quantization.value}, {why}: {', '.join(sorted(wanted))}"


def has_requested_nms(package: ModelPackageMetadata, context: Context) -> str | None:
    """Reject networks that end in non-maximum suppression, unless it is wanted with the thresholds they have."""
    return reject_fused(package.model_features, context.request.nms_fusion_preferences)


def backend_accepts(package: ModelPackageMetadata, context: Context) -> str | None:
    """Ask the backend's own plugin. A check that fails itself rejects the package, never the others."""
    check = context.once(_resolve_check, package.backend)
    if check is None:
        return None
    try:
        reason = check(package, context.environment, context.request)
    except InvalidEnvVariable:  # a setting of the user's that must be corrected; another backend would hide it
        raise
    except (Exception, SystemExit) as error:  # some libraries exit where they should raise
        return _check_failed(package.backend, context, describe_failure(error))
    if reason is None or (isinstance(reason, str) and reason.strip()):
        return reason
    return _check_failed(
        package.backend, context, f"it must return None or a reason and returned {type(reason).__name__}"
    )


def _resolve_check(backend: str, context: Context) -> Callable[..., Any] | None:
    target = context.backend(backend).spec.check
    if target is None:
        return None
    try:
        check: Callable[..., Any] = resolve(target)
    except (Exception, SystemExit) as error:
        reason = _check_failed(backend, context, describe_failure(error))
        return lambda *_: reason
    return check


def _check_failed(backend: str, context: Context, what: str) -> str:
    return f"the compatibility check of {context.backend(backend).plugin} failed: {what}"


FILTERS: tuple[Filter, ...] = (
    is_requested_package,
    is_requested_backend,
    is_permitted,
    is_trusted,
    has_safe_file_names,
    has_file_hashes,
    backend_is_available,
    has_implementation,
    has_what_it_requires,
    has_requested_batch_size,
    has_requested_quantization,
    has_requested_nms,
    backend_accepts,
)
