"""What every backend keeps to before anything is opened: it says what is here, cheaply, and what it cannot run."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from inference_models.environment import current_environment
from inference_models.errors import BackendUnavailable
from inference_models.metadata import FileDownloadSpecs, ModelPackageMetadata
from inference_models.negotiation import Request
from inference_models.predictions.plain import to_plain
from inference_models.specs import resolve
from inference_models.testing.checks.backend_subject import BackendSubject
from inference_models.testing.checks.clean_process import probe_plugin
from inference_models.testing.checks.findings import Finding, NotChecked
from inference_models.testing.checks.plugin import quickest, third_party
from inference_models.testing.checks.pointers import top_module
from inference_models.testing.checks.provider_subject import connections

TIME_BUDGET = 10.0
"""How much CPU time `detect` may take, as a multiple of what importing the core takes: some ask a driver."""

_LIGHT = frozenset({"attr", "attrs", "importlib_metadata", "lazy_importer", "packaging", "pynvml", "zipp"})
"""Libraries that `detect` may import: the core has them, and they cost little."""


def check_detection(backend: BackendSubject) -> None:
    """`detect` returns facts, or raises BackendUnavailable with a reason and, where there is one, a fix."""
    detect = resolve(backend.spec.detect)
    try:
        facts = detect()
    except BackendUnavailable as verdict:
        _examine_verdict(backend, verdict)
        return
    except Exception as error:
        raise Finding(
            f"`detect` of {backend} fails: {type(error).__name__}: {error}",
            "Raise BackendUnavailable(reason, fix), whatever is missing; anything else is a fault of the plugin.",
        ) from None
    if not isinstance(facts, Mapping):
        raise Finding(f"`detect` of {backend} returns {type(facts).__name__}.", "Return a mapping of facts.")
    warnings = facts.get("warnings", [])
    if not isinstance(warnings, list | tuple) or not all(isinstance(one, str) and one for one in warnings):
        raise Finding(
            f'"warnings" of {backend} is {warnings!r}.', "Return a list of texts; empty when nothing is broken."
        )
    try:
        json.dumps(to_plain(dict(facts)), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise Finding(f"The facts of {backend} cannot be written as JSON: {error}.", "Return plain values.") from None


def _examine_verdict(backend: BackendSubject, verdict: BackendUnavailable) -> None:
    if not isinstance(verdict.reason, str) or not verdict.reason.strip():
        raise Finding(
            f"`detect` of {backend} raises BackendUnavailable without a reason.",
            'Say in a few words what is missing: BackendUnavailable("acme is not installed", "pip install acme").',
        )
    if verdict.fix is not None and not (isinstance(verdict.fix, str) and verdict.fix.strip()):
        raise Finding(
            f"`detect` of {backend} gives the fix {verdict.fix!r}.",
            "Give the command that mends it; None only where nothing helps.",
        )


def check_detection_cost(backend: BackendSubject) -> None:
    """`detect` imports no runtime, asks nobody, and costs little: every report and every first load asks it."""
    plugin = backend.declared.plugin
    probe = probe_plugin(plugin.module, backend.spec.name)
    if probe.detect is None:
        raise NotChecked(f"{plugin.module} does not declare {backend} in another process")
    own = {plugin.module.partition(".")[0], top_module(backend.spec.detect), "inference_models", *_LIGHT}
    if libraries := third_party(probe.detect, own):
        raise Finding(
            f"`detect` of {backend} imports {', '.join(libraries)}.",
            "Find out from files and metadata what is there (developer_tools.installed_version); import nothing of it.",
        )
    if probe.detect.deeds:
        raise Finding(
            f"`detect` of {backend} {'; '.join(probe.detect.deeds[:5])}.",
            "Read files and metadata only. What GPUs there are, x_ray_runtime_environment() of developer_tools says.",
        )
    again = partial(probe_plugin, plugin.module, backend.spec.name)
    share = quickest(again, probe, "detect", TIME_BUDGET)
    if share > TIME_BUDGET:
        raise Finding(
            f"`detect` of {backend} takes {share:.1f} times as much CPU time as importing the core; {TIME_BUDGET:g} "
            f"times is allowed.",
            "Read less: every report and every first load waits for it.",
        )


def check_purity(backend: BackendSubject) -> None:
    """`check` accepts the package, or says why not; it gives the same answer twice and changes nothing."""
    if backend.spec.check is None:
        raise NotChecked(f"{backend} has no `check`")
    backend.require_available()
    check, environment = resolve(backend.spec.check), current_environment()
    package = _made_up(backend) if backend.package is None else backend.metadata
    requests = {"nothing more asked for": Request(), "device cuda:99 asked for": Request(device="cuda:99")}
    for what, request in requests.items():
        before = dict(os.environ)
        with connections() as noted:
            answers = [_answer(backend, what, partial(check, package, environment, request)) for _ in range(2)]
        if noted or dict(os.environ) != before:
            raise Finding(
                f"`check` of {backend} {f'connects to {noted[0]}' if noted else 'changes environment variables'}.",
                "`check` is called for every package of every model: let it look at its arguments only.",
            )
        if answers[0] != answers[1]:
            raise Finding(f"`check` of {backend} answers {answers[0]!r}, then {answers[1]!r}.", "Make it pure.")
    refusal = check(package, environment, Request())
    if refusal is not None and backend.package is not None:
        raise Finding(
            f"`check` of {backend} refuses the package {backend.package}: {refusal}",
            "State a package that runs here, or correct `check`.",
        )


def _made_up(backend: BackendSubject) -> ModelPackageMetadata:
    """Return what a provider may say about a package of which it knows little."""
    file = FileDownloadSpecs("https://example.invalid/network", "network", sha256_hash="0" * 64)
    return ModelPackageMetadata("made-up", backend.spec.name, [file])


def _answer(backend: BackendSubject, what: str, ask: Callable[[], Any]) -> str | None:
    try:
        answer = ask()
    except Exception as error:
        raise Finding(
            f"`check` of {backend} fails ({what}): {type(error).__name__}: {error}",
            "Return the reason as text where a package cannot run; never raise.",
        ) from None
    if answer is not None and not (isinstance(answer, str) and answer.strip()):
        raise Finding(f"`check` of {backend} returns {answer!r} ({what}).", "Return None, or the reason as text.")
    return answer
