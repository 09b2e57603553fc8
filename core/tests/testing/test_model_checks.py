"""Each check of a model passes a good one, and names what is wrong with one that is broken in just that way."""

from __future__ import annotations

from collections.abc import Callable
from threading import Barrier, current_thread, main_thread
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from inference_models import Detections, InvalidParameterError
from inference_models.testing.checks import model, model_errors, model_facts
from inference_models.testing.checks.findings import Finding, NotChecked
from inference_models.testing.checks.scaling import check_scaling

CHECKS: list[Callable[[Any], None]] = [
    model_facts.check_base_class,
    model_facts.check_class_names,
    model_facts.check_repr,
    model_facts.check_stream,
    model.check_predictions,
    model.check_single_image,
    model.check_no_image,
    model.check_list,
    model.check_sizes,
    model.check_batch_array,
    model.check_tensors,
    model.check_inputs_unchanged,
    model.check_determinism,
    model.check_threads,
    check_scaling,
    model_errors.check_unknown_option,
    model_errors.check_close,
    model_errors.check_use_after_close,
]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_a_good_model_passes(finder: SimpleNamespace, check: Callable[[Any], None]) -> None:
    if check is model.check_tensors:
        pytest.importorskip("torch")
    check(finder.subject(finder.ColorFinder()))


@pytest.mark.parametrize("wrong", model_errors.WRONG_IMAGES)
def test_a_good_model_refuses_what_is_no_image(finder: SimpleNamespace, wrong: str) -> None:
    model_errors.check_wrong_image(finder.subject(finder.ColorFinder()), wrong)


def broken(finder: SimpleNamespace, **methods: Any) -> Any:
    """Return what checks take, about a good model with some methods replaced."""
    return finder.subject(type("Broken", (finder.ColorFinder,), methods)())


def good(finder: SimpleNamespace, name: str) -> Any:
    return getattr(finder.ColorFinder, name)


def test_a_class_of_its_own(finder: SimpleNamespace) -> None:
    with pytest.raises(Finding, match="does not derive from inference_models"):
        model_facts.check_base_class(finder.subject(object()))


@pytest.mark.parametrize("names", ["red", (1, 2), None])
def test_class_names_that_are_no_list_of_texts(finder: SimpleNamespace, names: Any) -> None:
    with pytest.raises(Finding, match="class_names is"):
        model_facts.check_class_names(broken(finder, class_names=property(lambda self: names)))


def test_class_names_that_callers_can_change(finder: SimpleNamespace) -> None:
    own = ["red"]
    with pytest.raises(Finding, match="own list"):
        model_facts.check_class_names(broken(finder, class_names=own))
    assert own == ["red"]


def test_a_model_without_class_names_is_not_checked(finder: SimpleNamespace) -> None:
    with pytest.raises(NotChecked):
        model_facts.check_class_names(finder.subject(object()))


def test_a_repr_with_a_secret(finder: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROBOFLOW_API_KEY", "hunter2hunter2")
    for shown, what in (("key hunter2hunter2", "ROBOFLOW_API_KEY"), ("https://a.b/c?sig=1", "an address")):
        with pytest.raises(Finding, match=f"shows .*{what}") as caught:
            model_facts.check_repr(broken(finder, __repr__=lambda self, shown=shown: shown))
        assert "hunter2" not in str(caught.value)
    with pytest.raises(Finding, match="raised ZeroDivisionError"):
        model_facts.check_repr(broken(finder, __repr__=lambda self: str(1 / 0)))


def test_infer_that_does_more_than_its_stages(finder: SimpleNamespace) -> None:
    infer = good(finder, "infer")
    subject = broken(finder, infer=lambda self, images: [one[:1] for one in infer(self, images)])
    with pytest.raises(Finding, match="predict_stream"):
        model_facts.check_stream(subject)


def test_a_method_without_stages_is_not_streamed(finder: SimpleNamespace) -> None:
    with pytest.raises(NotChecked):
        model_facts.check_stream(finder.subject(finder.ColorFinder(), method="__call__"))


def test_predictions_of_another_type(finder: SimpleNamespace) -> None:
    with pytest.raises(Finding, match=r"ObjectDetectionModel promises Detections for each image, .* says dict"):
        model.check_predictions(broken(finder, describe=lambda self, *arrays: {"boxes": 1}))


def test_one_prediction_for_a_list(finder: SimpleNamespace) -> None:
    post = good(finder, "post_process")
    subject = broken(finder, post_process=lambda self, *given: post(self, *given)[:1])
    with pytest.raises(Finding, match=r"returned 1 answers for 2 images|returned 1 answers for 4"):
        model.check_list(subject)
    subject = broken(finder, post_process=lambda self, *given: post(self, *given)[0])
    with pytest.raises(Finding, match="returned Detections, which does not say which image"):
        model.check_single_image(subject)


def test_a_method_that_does_not_exist(finder: SimpleNamespace) -> None:
    with pytest.raises(Finding, match="has no method 'detect'"):
        model.check_single_image(finder.subject(finder.ColorFinder(), method="detect"))


def test_no_image_that_gives_nothing(finder: SimpleNamespace) -> None:
    infer = good(finder, "infer")
    subject = broken(finder, infer=lambda self, images: infer(self, images) if len(images) else [])
    with pytest.raises(Finding, match=r"infer\(an empty list\) returned \[\]"):
        model.check_no_image(subject)
    subject = broken(finder, infer=lambda self, images: infer(self, images) if images[0] is not None else None)
    with pytest.raises(Finding, match="raised IndexError"):
        model.check_no_image(subject)


def test_images_that_see_their_neighbours(finder: SimpleNamespace) -> None:
    forward = good(finder, "forward")
    subject = broken(finder, forward=lambda self, planes: forward(self, planes[:1] * len(planes)))
    with pytest.raises(Finding, match=r"different things of image \d alone and in a list of"):
        model.check_list(subject)


def test_sizes_that_must_be_equal(finder: SimpleNamespace) -> None:
    pre = good(finder, "pre_process")

    def one_size(self: Any, images: Any) -> Any:
        if isinstance(images, list) and len({image.shape for image in images}) > 1:
            raise InvalidParameterError("one size, please")
        return pre(self, images)

    with pytest.raises(Finding, match=r"refused a list of ndarray .*one size, please"):
        model.check_sizes(broken(finder, pre_process=one_size))


def test_pictures_of_one_size_say_nothing_about_sizes(finder: SimpleNamespace) -> None:
    with pytest.raises(NotChecked, match="one size"):
        model.check_sizes(finder.subject(finder.ColorFinder(), images=finder.PICTURES[:1]))


def test_an_array_that_is_taken_for_one_image(finder: SimpleNamespace) -> None:
    pre = good(finder, "pre_process")
    subject = broken(finder, pre_process=lambda self, images: pre(self, images if type(images) is list else images[0]))
    with pytest.raises(Finding, match="returned 1 answers for 3 images"):
        model.check_batch_array(subject)


def test_tensors_in_the_wrong_order_of_colors(finder: SimpleNamespace) -> None:
    pytest.importorskip("torch")
    pre = good(finder, "pre_process")

    def same_order(self: Any, images: Any) -> Any:
        planes, metadata = pre(self, images)
        return [
            one[..., ::-1] if kind == "torch" else one for one, (kind, _) in zip(planes, metadata, strict=True)
        ], metadata

    with pytest.raises(Finding, match="a picture as array and as tensor, uint8"):
        model.check_tensors(broken(finder, pre_process=same_order))


def test_arrays_for_tensors(finder: SimpleNamespace) -> None:
    pytest.importorskip("torch")
    subject = broken(finder, describe=lambda self, *arrays: Detections(*(np.asarray(one) for one in arrays)))
    with pytest.raises(Finding, match="torch cpu images gave `xyxy` as numpy"):
        model.check_tensors(subject)


def test_a_picture_that_is_drawn_on(finder: SimpleNamespace) -> None:
    pre = good(finder, "pre_process")

    def draw(self: Any, images: Any) -> Any:
        inputs = pre(self, images)
        if isinstance(images, np.ndarray) and images.flags.writeable:
            images[:3] = 0
        return inputs

    with pytest.raises(Finding, match="changed the picture"):
        model.check_inputs_unchanged(broken(finder, pre_process=draw))


def test_a_picture_that_is_written_to_and_looks_the_same(finder: SimpleNamespace) -> None:
    pre = good(finder, "pre_process")

    def write(self: Any, images: Any) -> Any:
        images[:1] = images[:1].copy()
        return pre(self, images)

    with pytest.raises(Finding, match="read-only") as found:
        model.check_inputs_unchanged(broken(finder, pre_process=write))
    assert found.value.change.startswith("Never write to a picture")


def test_chance(finder: SimpleNamespace) -> None:
    numbers = iter(range(1, 1000))
    describe = good(finder, "describe")
    subject = broken(finder, describe=lambda self, boxes, *more: describe(self, boxes + next(numbers), *more))
    with pytest.raises(Finding, match=r"a picture and the same picture again: `xyxy` differs"):
        model.check_determinism(subject)


def test_a_call_that_is_kept_in_the_model(finder: SimpleNamespace) -> None:
    pre, forward, everybody = good(finder, "pre_process"), good(finder, "forward"), Barrier(4)

    def keep(self: Any, images: Any) -> Any:
        self.planes, metadata = pre(self, images)
        if current_thread() is not main_thread():
            everybody.wait(60)
        return None, metadata

    subject = broken(finder, pre_process=keep, forward=lambda self, _: forward(self, self.planes))
    with pytest.raises(Finding, match="in one thread and in 4"):
        model.check_threads(subject)


@pytest.mark.parametrize("factor", [1 / 60, 0.5, 8])
def test_boxes_in_other_units(finder: SimpleNamespace, factor: float) -> None:
    """As shares of the picture they do not grow with it."""
    pre, describe = good(finder, "pre_process"), good(finder, "describe")

    def remember(self: Any, images: Any) -> Any:
        self.width = images.shape[1]
        return pre(self, images)

    subject = broken(
        finder,
        pre_process=remember,
        describe=lambda self, boxes, *more: describe(self, boxes * factor * 60 / self.width, *more),
    )
    with pytest.raises(Finding, match=r"stay where they are|0% have their like at twice the position"):
        check_scaling(subject)


def test_nothing_found_says_nothing_about_positions(finder: SimpleNamespace) -> None:
    with pytest.raises(NotChecked, match="nothing was found"):
        check_scaling(finder.subject(finder.ColorFinder(), options={"confidence": 1.0}))
    with pytest.raises(NotChecked, match="about whole images"):
        check_scaling(finder.subject(finder.ColorFinder(), scales_with_input=False))
