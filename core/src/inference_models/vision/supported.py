"""What of a package's config can be done, and what is done in its place."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from attrs import evolve

from inference_models.errors import CorruptedModelPackageError, ModelLoadingError
from inference_models.vision.inference_config import InferenceConfig, NetworkInput, ResizeMode

__all__ = ["require_activation", "require_supported", "substitute_resize_mode"]

_CHANNELS = (1, 3)


def require_supported(config: InferenceConfig) -> None:
    """Refuse a package whose images cannot be prepared: a step silently left out would give wrong predictions.

    Raises:
        ModelLoadingError: the config asks for a number of channels that is not supported, or for a resize mode that
            does not go with its network. The message names what is supported.
    """
    problem = _problem(config.network_input)
    if problem:
        raise ModelLoadingError(f"This model package cannot be pre-processed: {problem}.")


def require_activation(config: InferenceConfig, activation: Literal["softmax", "sigmoid"], directory: Path) -> bool:
    """Return whether a classifier's network ends in what makes probabilities of its scores.

    Args:
        config: of the package.
        activation: what the task needs.
        directory: of the package, for messages.

    Raises:
        CorruptedModelPackageError: the config does not say.
        ModelLoadingError: it asks for something else.
    """
    stated = config.post_processing
    if stated is None:
        raise CorruptedModelPackageError(
            f"{directory / 'inference_config.json'} has no post_processing. This task needs "
            f'{{"type": "{activation}", "fused": false}}, or "fused": true if the network ends in it; export the '
            f"package again or add it."
        )
    if stated.type != activation:
        raise ModelLoadingError(
            f'This model package asks for post-processing of type "{stated.type}"; supported for this task: '
            f'"{activation}". Use a package exported so, or correct its task_type.'
        )
    return stated.fused


def _problem(network_input: NetworkInput) -> str | None:
    channels = network_input.input_channels
    if channels not in _CHANNELS:
        supported = " or ".join(map(str, _CHANNELS))
        return f"network_input.input_channels is {channels}; supported: {supported}. Use a package exported so"
    mode = ResizeMode.FIT_LONGER_EDGE
    if network_input.resize_mode is mode and not network_input.dynamic_spatial_size_supported:
        return (
            f"network_input.resize_mode is {mode.value!r}, which gives every image another size, but "
            f"dynamic_spatial_size_supported is false. Export it with {ResizeMode.LETTERBOX.value!r}"
        )
    return None


def substitute_resize_mode(
    config: InferenceConfig, mode: ResizeMode, by: ResizeMode, *, padding_value: int | None = None
) -> InferenceConfig:
    """Return `config` with another resize mode if it asks for `mode`; else `config` itself.

    For families whose training did something else under that name: YOLO packages that say "fit-longer-edge" were
    trained on letterboxed images with a padding of 127.

    Args:
        config: of the package.
        mode: what is replaced.
        by: what takes its place.
        padding_value: 0 to 255, takes the place of the config's; None: the config's stays.
    """
    network_input = config.network_input
    if network_input.resize_mode is not mode:
        return config
    padding = network_input.padding_value if padding_value is None else padding_value
    return evolve(config, network_input=evolve(network_input, resize_mode=by, padding_value=padding))
