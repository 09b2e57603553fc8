"""Why a package cannot be used: one small function per question, asked in this order.

Each returns None (go on) or the reason as a sentence that stands by itself beside the package's id.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from attrs import frozen

from inference_models.catalog import Catalog, Declared, install_hint
from inference_models.entities import Quantization
from inference_models.environment import Environment
from inference_models.errors import PluginConflictError
from inference_models.metadata import ModelMetadata, ModelPackageMetadata
from inference_models.negotiation.request import Request
from inference_models.specs import ModelSpec, resolve


@frozen
class Context:
    """Everything a filter may look at besides the package."""

    metadata: ModelMetadata
    catalog: Catalog
    environment: Environment
    request: Request

    def implementation(self, package: ModelPackageMetadata) -> Declared[ModelSpec] | None:
        """Return what implements the model on the package's backend. Raises: PluginConflictError."""
        return self.catalog.model(self.metadata.model_architecture, self.metadata.task_type, package.backend)


Filter: TypeAlias = Callable[[ModelPackageMetadata, Context], str | None]


def is_requested_package(package: ModelPackageMetadata, context: Context) -> str | None:
    """Reject all but the package that was asked for by id."""
    wanted = context.request.model_package_id
    return None if wanted in (None, package.package_id) else f"another package was asked for: {wanted!r}"


def is_requested_backend(package: ModelPackageMetadata, context: Context) -> str | None:
    """Reject backends that were not asked for."""
    wanted = context.request.backends
    if wanted is None or package.backend.lower() in wanted:
        return None
    return f"backend {package.backend!r} was not asked for (backend={list(wanted)!r})"


def is_trusted(package: ModelPackageMetadata, context: Context) -> str | None:
    """Reject packages that their provider does not vouch for, unless they are allowed."""
    if package.trusted_source or context.request.allow_untrusted_packages:
        return None
    return "its provider does not mark it as trusted; allow_untrusted_packages=True permits it"


def has_implementation(package: ModelPackageMetadata, context: Context) -> str | None:
    """Reject packages that no installed plugin implements, or not with their features."""
    architecture, task = context.metadata.model_architecture, context.metadata.task_type
    try:
        implementation = context.implementation(package)
    except PluginConflictError as error:
        return error.message
    if implementation is None:
        return _missing_implementation(package, context)
    spec = implementation.spec
    present = {name for name, value in package.model_features.items() if value not in (None, False)}
    if unsupported := present - spec.supported_model_features - spec.required_model_features:
        return f"{implementation.plugin} does not support its features {sorted(unsupported)}"
    if missing := spec.required_model_features - present:
        return f"{implementation.plugin} implements {architecture} {task} only with features {sorted(missing)}"
    return None


def _missing_implementation(package: ModelPackageMetadata, context: Context) -> str:
    architecture, task = context.metadata.model_architecture, context.metadata.task_type
    name = f"architecture {architecture!r}"
    tasks = context.catalog.task_types(architecture, package.backend)
    if not tasks and not context.catalog.task_types(architecture):
        return f"no installed plugin implements the {name}.{install_hint('architectures', architecture)}".rstrip(".")
    if not tasks:
        return f"no installed plugin implements the {name} on the backend {package.backend!r}"
    if task is None:
        return f"the {name} has several tasks ({', '.join(sorted(tasks))}) and its metadata names none"
    return f"the {name} is implemented for {', '.join(sorted(tasks))}, not for {task!r}"


def has_requested_batch_size(package: ModelPackageMetadata, context: Context) -> str | None:
    """Reject packages that do not take the number of images per run that was asked for."""
    wanted = context.request.batch_size
    size = package.static_batch_size
    if wanted is None or size is None or wanted[0] <= size <= wanted[1]:
        return None
    asked = str(wanted[0]) if wanted[0] == wanted[1] else f"{wanted[0]} to {wanted[1]}"
    return f"it runs batches of {size}, asked for: {asked}"


def has_requested_quantization(package: ModelPackageMetadata, context: Context) -> str | None:
    """Reject quantizations that were not asked for, or are no default for the device."""
    wanted = context.request.quantizations
    if wanted is not None:
        return None if package.quantization in wanted else _not_among(package, wanted, "asked for")
    defaults = context.catalog.backend(package.backend).spec.default_quantizations
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


def backend_is_available(package: ModelPackageMetadata, context: Context) -> str | None:
    """Reject backends that this machine cannot run."""
    known = {row.spec.name.lower() for row in context.catalog.backends()}
    if package.backend.lower() not in known:
        hint = install_hint("backends", package.backend)
        return f"no installed plugin provides the backend {package.backend!r}.{hint}".rstrip(".")
    status = context.environment.backend(package.backend)
    if status.available:
        return None
    fix = f"; to fix it: {status.fix}" if status.fix else ""
    return f"backend {package.backend!r} is unavailable: {status.reason}{fix}"


def backend_accepts(package: ModelPackageMetadata, context: Context) -> str | None:
    """Ask the backend's own plugin. A check that fails itself rejects the package, never the others."""
    declared = context.catalog.backend(package.backend)
    if declared.spec.check is None:
        return None
    try:
        reason: str | None = resolve(declared.spec.check)(package, context.environment, context.request)
    except Exception as error:
        return f"the compatibility check of {declared.plugin} failed: {type(error).__name__}: {error}"
    return reason


FILTERS: tuple[Filter, ...] = (
    is_requested_package,
    is_requested_backend,
    is_trusted,
    backend_is_available,
    has_implementation,
    has_requested_batch_size,
    has_requested_quantization,
    backend_accepts,
)
