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
from inference_models.negotiation.filters import FILTERS, Context
from inference_models.negotiation.ranking import sort_key
from inference_models.negotiation.request import Request
from inference_models.specs import ModelSpec


@frozen
class Verdict:
    """What negotiation decided about one package.

    Attributes:
        package: the package; unreadable ones are rejected without further questions.
        implementation: what would load it; None when it was rejected.
        reason: why it was rejected; None when it is usable.
        rejected_by: the name of the filter that rejected it.
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
        return {
            "package_id": self.package.package_id,
            "backend": self.package.backend,
            "quantization": self.package.quantization.value,
            "batch_size": self.package.batch_summary,
            "usable": self.usable,
            "reason": self.reason,
            "implementation": str(self.implementation.plugin) if self.implementation else None,
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
        ids = list(self.metadata.package_ids())
        if wanted is not None and ids.count(wanted) > 1:
            raise AmbiguousModelPackageResolutionError(
                f"Model {self.metadata.model_id!r} has {ids.count(wanted)} packages with the id {wanted!r}. "
                f"Whoever provides the model must give each package an id of its own."
            )
        if candidates:
            return candidates
        raise self._nothing_usable(wanted, ids)

    def _nothing_usable(self, wanted: str | None, ids: list[str]) -> NoModelPackagesAvailableError:
        model = f"model {self.metadata.model_id!r}"
        if wanted is not None and wanted not in ids:
            return NoModelPackagesAvailableError(
                f"The {model} has no package {wanted!r}. {describe_choices(wanted, ids)}"
            )
        if not ids:
            return NoModelPackagesAvailableError(f"The {model} has no packages: its provider lists none.")
        reasons = "\n".join(f"  - {verdict.package.package_id}: {verdict.reason}" for verdict in self.verdicts)
        return NoModelPackagesAvailableError(f"No package of {model} can be used here:\n{reasons}{self.notes}")

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return {
            "model_id": self.metadata.model_id,
            "model_architecture": self.metadata.model_architecture,
            "task_type": self.metadata.task_type,
            "packages": [verdict.to_dict() for verdict in self.verdicts],
        }


def negotiate(metadata: ModelMetadata, catalog: Catalog, environment: Environment, request: Request) -> Plan:
    """Judge every package of a model and rank those that can be used."""
    context = Context(metadata, catalog, environment, request)
    judged = [(package, _judge(package, context)) for package in metadata.model_packages]
    usable = sorted(
        (pair for pair in judged if pair[1].usable),
        key=lambda pair: sort_key(pair[0], context),
    )
    rejected = [verdict for _, verdict in judged if not verdict.usable]
    rejected += [Verdict(package, None, package.reason, "is_readable") for package in metadata.unreadable_packages]
    rejected.sort(key=lambda verdict: (verdict.package.package_id, verdict.reason or ""))
    return Plan(metadata, request, (*(verdict for _, verdict in usable), *rejected), catalog.problem_notes())


def _judge(package: ModelPackageMetadata, context: Context) -> Verdict:
    for question in FILTERS:
        reason = question(package, context)
        if reason is not None:
            return Verdict(package, reason=reason, rejected_by=question.__name__)
    return Verdict(package, context.implementation(package))
