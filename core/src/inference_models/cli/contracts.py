"""What `im plugins check` runs: the contracts of a plugin and of what it declares, as far as it can tell by itself."""

from __future__ import annotations

from typing import Any

from inference_models.catalog import current_catalog
from inference_models.distributions import canonical_name
from inference_models.errors import BaseInferenceModelsError, InvalidParameterError
from inference_models.specs import BackendSpec, WeightsProviderSpec
from inference_models.testing.checks import contracts
from inference_models.testing.checks.backend_subject import BackendSubject
from inference_models.testing.checks.findings import NotChecked
from inference_models.testing.checks.plugin_subject import PluginSubject
from inference_models.testing.checks.provider_subject import ProviderSubject
from inference_models.testing.checks.running import Outcome, run_checks
from inference_models.testing.checks.subject import subject_of
from inference_models.weights_providers import find_source
from inference_models.weights_providers.core import list_models, unparsed
from inference_models.weights_providers.permission import refuse_forbidden_provider


def check_plugin(name: str, *, model_id: str | None = None, model: str | None = None) -> list[Outcome]:
    """Check an installed plugin: itself, its backends, its weights providers, and a model.

    Args:
        name: of the distribution.
        model_id: of a model that its provider has, with the scheme if it has several providers.
        model: loaded and checked, too: an id or a path.

    Raises:
        PluginError: it is not installed; near names are named.
        InvalidParameterError: `model_id` is of no provider of the plugin's.
        BaseInferenceModelsError: `model` does not load.
    """
    plugin = PluginSubject(name)
    name = str(plugin.find().metadata["Name"])
    declared = _declared(plugin)
    providers = [spec for spec in declared if isinstance(spec, WeightsProviderSpec)]
    ids = _ids(providers, model_id)
    outcomes = run_checks(f"plugin {name}", contracts.PLUGIN, plugin)
    for spec in declared:
        if isinstance(spec, BackendSpec):
            outcomes += _check_backend(plugin, spec)
    for spec in providers:
        outcomes += _check_provider(plugin, spec, ids.get(spec.name))
    return outcomes if model is None else outcomes + _check_model(model)


def _declared(plugin: PluginSubject) -> list[Any]:
    try:
        plugins = plugin.loaded.plugins
    except NotChecked:  # there is nothing to load, or it must not be; the checks say so
        return []
    return [spec for loaded in plugins for specs in loaded.declared.values() for spec in specs]


def _ids(providers: list[WeightsProviderSpec], model_id: str | None) -> dict[str, str]:
    """Return the id to ask each provider for, as far as one was given."""
    if model_id is None:
        return {}
    names = {canonical_name(spec.name): spec.name for spec in providers}
    if "://" in model_id:
        source = find_source(model_id)
        if canonical_name(source.provider) in names:
            return {names[canonical_name(source.provider)]: source.model_id}
    elif len(providers) == 1:
        return {providers[0].name: model_id}
    known = ", ".join(f"{spec.name}://" for spec in providers) or "it declares none"
    raise InvalidParameterError(
        f"--model-id {model_id!r} is of no weights provider of this plugin ({known}). Write NAME://ID with the name of "
        f"one."
    )


def _check_backend(plugin: PluginSubject, spec: BackendSpec) -> list[Outcome]:
    checks = {name: contracts.BACKEND[name] for name in contracts.WITHOUT_PACKAGE}
    unless = _why_not_in_use(plugin, lambda: current_catalog().backend(spec.name).plugin.distribution)
    return run_checks(f"backend {spec.name}", checks, BackendSubject(name=spec.name), unless=unless)


def _check_provider(plugin: PluginSubject, spec: WeightsProviderSpec, model_id: str | None) -> list[Outcome]:
    unless = _why_not_in_use(plugin, lambda: _owner_of_provider(spec.name))
    if model_id is None and unless is None:
        if spec.works_offline:
            model_id = _first_listed(spec)
        else:
            unless = "it may ask a server, and no id of a model is known; give one with --model-id"
    key = None if spec.api_key_variable is None else unparsed(spec.api_key_variable)
    subject = ProviderSubject(name=spec.name, model_id=model_id, api_key=key)
    return run_checks(f"provider {spec.name}", contracts.PROVIDER, subject, unless=unless)


def _owner_of_provider(name: str) -> str:
    refuse_forbidden_provider(name)
    return current_catalog().provider(name).plugin.distribution


def _first_listed(spec: WeightsProviderSpec) -> str | None:
    try:
        return next(iter(list_models(spec)), None)
    except Exception:  # the check of the list says so
        return None


def _why_not_in_use(plugin: PluginSubject, owner: Any) -> str | None:
    """Return why what a plugin declares is not what its name means here; None when it is."""
    try:
        distribution = owner()
    except BaseInferenceModelsError as error:
        return f"it is not in use: {error.message}"
    own = {canonical_name(info.distribution) for info in plugin.all_infos}
    return None if canonical_name(distribution) in own else f"INFERENCE_MODELS_PREFER gives its name to {distribution}"


def _check_model(model: str) -> list[Outcome]:
    from inference_models.auto_model import AutoModel

    with AutoModel.from_pretrained(model) as loaded:
        return run_checks(f"model {model}", contracts.MODEL, subject_of(loaded))
