from __future__ import annotations

from attrs import evolve

from inference_models.vision import InferenceConfig, ResizeMode, require_supported, substitute_resize_mode
from inference_models.vision.inference_config import NetworkInput, TrainingInputSize

CONFIG = InferenceConfig(
    NetworkInput(
        dynamic_spatial_size_supported=False,
        color_mode="rgb",
        resize_mode=ResizeMode.FIT_LONGER_EDGE,
        input_channels=3,
        training_input_size=TrainingInputSize(height=64, width=96),
        padding_value=114,
    )
)


def test_a_resize_mode_can_stand_in_for_another() -> None:
    found = substitute_resize_mode(CONFIG, ResizeMode.FIT_LONGER_EDGE, ResizeMode.LETTERBOX, padding_value=127)
    expected = evolve(CONFIG.network_input, resize_mode=ResizeMode.LETTERBOX, padding_value=127)
    assert found.network_input == expected
    require_supported(found)


def test_the_padding_value_stays_unless_given() -> None:
    found = substitute_resize_mode(CONFIG, ResizeMode.FIT_LONGER_EDGE, ResizeMode.STRETCH)
    assert found.network_input.padding_value == 114


def test_other_modes_are_left_alone() -> None:
    assert substitute_resize_mode(CONFIG, ResizeMode.STRETCH, ResizeMode.LETTERBOX, padding_value=1) is CONFIG
