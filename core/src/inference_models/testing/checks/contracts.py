"""The contracts, as tables: what is checked, by the names that reports and the tests of the contracts give it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias

from inference_models.testing.checks import (
    backend,
    devices,
    masks,
    model,
    model_errors,
    model_facts,
    plugin,
    plugin_metadata,
    provider,
    provider_files,
    provider_secrets,
    releasing,
    scaling,
    sessions,
    targets,
)
from inference_models.testing.checks.backend_subject import BackendSubject
from inference_models.testing.checks.plugin_subject import PluginSubject
from inference_models.testing.checks.provider_subject import ProviderSubject
from inference_models.testing.checks.subject import ModelSubject

PluginChecks: TypeAlias = Mapping[str, Callable[[PluginSubject], None]]
ProviderChecks: TypeAlias = Mapping[str, Callable[[ProviderSubject], None]]
BackendChecks: TypeAlias = Mapping[str, Callable[[BackendSubject], None]]
ModelChecks: TypeAlias = Mapping[str, Callable[[ModelSubject], None]]

PLUGIN: PluginChecks = MappingProxyType(
    {
        "has_an_entry_point": plugin.check_entry_point,
        "imports_and_declares": plugin.check_loading,
        "hooks_match_their_specifications": plugin.check_hooks,
        "hooks_are_repeatable": plugin.check_repeatability,
        "import_is_light": plugin.check_cost,
        "import_does_nothing_else": plugin.check_side_effects,
        "uses_nothing_deprecated": plugin.check_deprecations,
        "imports_only_what_is_promised": plugin.check_imports,
        "keys_are_unique": plugin.check_keys,
        "targets_resolve": targets.check_targets,
        "targets_take_what_they_are_given": targets.check_signatures,
        "states_its_licence": plugin_metadata.check_licence,
        "states_its_requirements": plugin_metadata.check_requirements,
        "ships_its_types": plugin_metadata.check_types,
    }
)

PROVIDER: ProviderChecks = MappingProxyType(
    {
        "metadata_is_valid": provider.check_metadata,
        "answers_are_repeatable": provider.check_answers,
        "files_are_safe": provider_files.check_files,
        "refresh_gives_the_same_file": provider_files.check_refresh,
        "unknown_ids_are_not_found": provider.check_unknown_id,
        "strange_ids_are_refused": provider.check_strange_ids,
        "lists_its_models": provider.check_listing,
        "is_honest_about_the_network": provider.check_offline,
        "reports_an_unreachable_server": provider.check_unreachable_server,
        "reads_its_key_from_its_variable": provider.check_key_variable,
        "shows_no_secret": provider_secrets.check_secrets,
    }
)

BACKEND: BackendChecks = MappingProxyType(
    {
        "detect_answers": backend.check_detection,
        "detect_is_cheap": backend.check_detection_cost,
        "check_is_pure": backend.check_purity,
        "describes_its_network": sessions.check_description,
        "round_trip": sessions.check_round_trip,
        "arrays_belong_to_the_caller": sessions.check_ownership,
        "wrong_feeds_are_refused": sessions.check_wrong_feeds,
        "threads_get_what_one_gets": sessions.check_threads,
        "device_is_a_real_one": devices.check_device,
        "toolkit_is_made_for_the_device": devices.check_toolkit,
        "closes_twice": sessions.check_close,
        "is_of_no_use_after_close": sessions.check_use_after_close,
        "broken_packages_are_refused": sessions.check_broken_package,
    }
)
WITHOUT_PACKAGE = ("detect_answers", "detect_is_cheap", "check_is_pure", "toolkit_is_made_for_the_device")
"""Those of a backend that need no package."""


def _check_wrong_images(subject: ModelSubject) -> None:
    for name in model_errors.WRONG_IMAGES:
        model_errors.check_wrong_image(subject, name)


# Those that close the model stand last, one after the other: all but the first take a model that is closed already.
MODEL: ModelChecks = MappingProxyType(
    {
        "derives_from_a_base_class": model_facts.check_base_class,
        "class_names_are_texts": model_facts.check_class_names,
        "shows_no_secret": model_facts.check_repr,
        "predictions_are_as_documented": model.check_predictions,
        "one_image": model.check_single_image,
        "no_image_is_an_error": model.check_no_image,
        "a_list_says_what_single_images_say": model.check_list,
        "sizes_may_differ_in_a_list": model.check_sizes,
        "an_array_of_images_is_a_list": model.check_batch_array,
        "tensors_say_what_arrays_say": model.check_tensors,
        "a_stream_says_what_single_images_say": model_facts.check_stream,
        "positions_are_pixels_of_the_source": scaling.check_scaling,
        "mask_formats_agree": masks.check_mask_formats,
        "images_stay_as_they_are": model.check_inputs_unchanged,
        "the_same_image_gives_the_same": model.check_determinism,
        "threads_get_what_one_gets": model.check_threads,
        "what_is_no_image_is_an_error": _check_wrong_images,
        "an_unknown_option_is_an_error": model_errors.check_unknown_option,
        "closes_what_it_holds": releasing.check_release,
        "closes_twice": model_errors.check_close,
        "is_of_no_use_after_close": model_errors.check_use_after_close,
    }
)
