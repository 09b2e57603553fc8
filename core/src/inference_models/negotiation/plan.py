"""The plan: a verdict for every package, the usable ones ranked. The same object is loaded and explained."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from inference_models.catalog import Catalog, Declared
from inference_models.environment import Environment
from inference_models.errors import (
    AmbiguousModelPackageResolutionError,
    NoModelPackagesAvailableError,
    describe_choices,
)
from inference_models.metadata import ModelMetadata, ModelPackageMetadata, UnreadablePackage
from inference_models.negotiation.context import Context
from inference_models.negotiation.filters import FILTERS, find_implementation
from inference_models.negotiation.options import check_options
from inference_models.negotiation.ranking import LastResort, rank
from inference_models.negotiation.request import Request
from inference_models.predictions.plain import to_plain
from inference_models.specs import ModelSpec
from inference_models.stated import stated_fields


@frozen
class Verdict:
    """What negotiation decided about one package.

    Attributes:
        package: the package; unreadable ones are rejected without further questions.
        implementation: what would load it; None when it was rejected.
        reason: why it was rejected; None when it is usable.
        rejected_by: the name of the filter that rejected it; "is_readable" for an unreadable one.
    """

    package: ModelPackageMetadata | UnreadablePackage
    implementation: Declared[ModelSpec] | None = None
    reason: str | None = None
    rejected_by: str | None = None

    @property
    def usable(self) -> bool:
        """Whether the package may be loaded."""
        return self.reason is None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        package = self.package
        stated = {} if isinstance(package, UnreadablePackage) else _stated(package)
        return {
            "package_id": package.package_id,
            "backend": package.backend,
            "quantization": package.quantization.value,
            "batch_size": package.batch_summary,
            **stated,
            "usable": self.usable,
            "reason": self.reason,
            "rejected_by": self.rejected_by,
            "implementation": str(self.implementation.plugin) if self.implementation else None,
            "code_license": self.implementation.plugin.code_license if self.implementation else None,
        }

    def __str__(self) -> str:
        package = self.package
        facts = f"{package.package_id} ({package.backend}, {package.quantization.value}, batch {package.batch_summary})"
        if self.implementation is None:
            return f"{facts}: {self.reason}"
        return f"{facts}: usable with {self.implementation.plugin}"


def _stated(package: ModelPackageMetadata) -> dict[str, Any]:
    return {
        **{name: getattr(package, name) for name in stated_fields(ModelPackageMetadata)},
        "trusted_source": package.trusted_source,
        "model_features": to_plain(package.model_features),
    }


@frozen
class Plan:
    """A verdict for every package of a model: usable ones first, best first, then the rejected ones by id.

    Attributes:
        metadata: the model.
        request: what was asked for.
        verdicts: see above.
        notes: what may explain a missing implementation: plugins that did not load.
    """

    metadata: ModelMetadata
    request: Request
    verdicts: tuple[Verdict, ...]
    notes: str = ""

    @property
    def candidates(self) -> tuple[Verdict, ...]:
        """The usable packages, best first."""
        return tuple(verdict for verdict in self.verdicts if verdict.usable)

    def require_candidates(self) -> tuple[Verdict, ...]:
        """Return the candidates, best first.

        Raises:
            AmbiguousModelPackageResolutionError: several packages have the id that was asked for.
            NoModelPackagesAvailableError: none is usable; lists every package with its reason.
        """
        candidates = self.candidates
        wanted = self.request.model_package_id
        if wanted is not None and len(candidates) > 1:
            raise AmbiguousModelPackageResolutionError(
                f"Model {self.metadata.model_id!r} has {len(candidates)} packages with the id {wanted!r} that can be "
                f"used here. Whoever provides the model must give each package an id of its own."
            )
        if candidates:
            return candidates
        raise self._nothing_usable(wanted)

    def _nothing_usable(self, wanted: str | None) -> NoModelPackagesAvailableError:
        model = f"model {self.metadata.model_id!r}"
        ids = list(self.metadata.package_ids())
        if wanted is not None and wanted not in ids:
            return NoModelPackagesAvailableError(
                f"The {model} has no package {wanted!r}. {describe_choices(wanted, ids)}"
            )
        if not ids:
            return NoModelPackagesAvailableError(f"The {model} has no packages: its provider lists none.")
        asked_for = [verdict for verdict in self.verdicts if wanted in (None, verdict.package.package_id)]
        reasons = "\n".join(f"  - {verdict.package.package_id}: {verdict.reason}" for verdict in asked_for)
        return NoModelPackagesAvailableError(f"No package of {model} can be used here:\n{reasons}{self.notes}")

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return {
            "model_id": self.metadata.model_id,
            "model_architecture": self.metadata.model_architecture,
            "model_variant": self.metadata.model_variant,
            "task_type": self.metadata.task_type,
            "request": self.request.to_dict(),
            "chosen": self.candidates[0].package.package_id if self.candidates else None,
            "packages": [
                {**verdict.to_dict(), "rank": number if verdict.usable else None}
                for number, verdict in enumerate(self.verdicts, start=1)
            ],
            "notes": self.notes.strip() or None,
        }

    def __str__(self) -> str:
        usable = [f"  {number}. {verdict}" for number, verdict in enumerate(self.candidates, start=1)]
        rejected = [f"  - {verdict}" for verdict in self.verdicts if not verdict.usable]
        head = f"Model {self.metadata.model_id!r}: {len(usable)} of {len(self.verdicts)} packages can be used here"
        return "\n".join([head, *usable, *rejected]) + self.notes


def negotiate(metadata: ModelMetadata, catalog: Catalog, environment: Environment, request: Request) -> Plan:
    """Judge every package of a model and rank those that can be used.

    What plugins do wrong on the way (a check or a ranking that raises) is part of the plan and never an error.

    Raises:
        InvalidParameterError: an argument for a backend makes no sense.
        InvalidEnvVariable: so does a setting that a backend reads.
    """
    context = Context(metadata, catalog, environment, request)
    check_options(context)
    usable: list[ModelPackageMetadata] = []
    rejected = [Verdict(package, None, package.reason, "is_readable") for package in metadata.unreadable_packages]
    for package in metadata.model_packages:
        verdict = _reject(package, context)
        if verdict is None:
            usable.append(package)
        else:
            rejected.append(verdict)
    rejected.sort(key=lambda verdict: (verdict.package.package_id, verdict.reason, LastResort(verdict.package)))
    chosen = [_accept(package, context) for package in rank(usable, context)]
    return Plan(metadata, request, (*chosen, *rejected), catalog.problem_notes())


def _reject(package: ModelPackageMetadata, context: Context) -> Verdict | None:
    for question in FILTERS:
        reason = question(package, context)
        if reason is not None:
            return Verdict(package, reason=reason, rejected_by=question.__name__)
    return None


def _accept(package: ModelPackageMetadata, context: Context) -> Verdict:
    found = context.once(find_implementation, package.backend)
    assert not isinstance(found, str), "a filter has asked for it"
    return Verdict(package, found)
