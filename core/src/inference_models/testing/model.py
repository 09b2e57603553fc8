"""The contract of models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import pytest

from inference_models.testing.checks import model as same
from inference_models.testing.checks import model_errors, model_facts
from inference_models.testing.checks.images import default_images
from inference_models.testing.checks.masks import check_mask_formats
from inference_models.testing.checks.model_errors import WRONG_IMAGES
from inference_models.testing.checks.releasing import check_release
from inference_models.testing.checks.scaling import check_scaling
from inference_models.testing.checks.subject import ModelSubject
from inference_models.testing.rules import Contract

_loads_anew = pytest.mark.parametrize("model", ["loaded anew"], indirect=True, scope="function")
"""For tests that close the model: pytest makes the fixture once more for them, and once more afterwards."""


class ModelContract(Contract, contract=True):
    """What every model keeps to. Subclass it, and define the fixture `model`, in the class or outside, which loads one.

    Example:
        class TestModel(ModelContract):
            @pytest.fixture(scope="class")
            @classmethod
            def model(cls):
                with AutoModel.from_pretrained("path/to/package") as model:
                    yield model

    The fixture loads a model of its own each time it is asked: tests that close the model ask once more. With
    `scope="class"` the other tests share one model.

    Attributes:
        method: the model's method that takes images first.
        options: keyword arguments of each call.
        tolerance: how far numbers may differ that should be equal, as a share of the larger number, and at least of 1;
            and the share of a mask or map that may differ.
        scales_with_input: whether positions in predictions grow with the picture; False where predictions are about
            whole images, or where the network takes pictures at their own size.
    """

    method: ClassVar[str] = "infer"
    options: ClassVar[Mapping[str, Any]] = {}
    tolerance: ClassVar[float] = 1e-3
    scales_with_input: ClassVar[bool] = True

    @pytest.fixture
    def images(self) -> Sequence[Any]:
        """Return the pictures that the model is asked about: (height, width, 3) uint8, blue-green-red.

        Define it to give pictures in which the model finds something; at least two, of different sizes.
        """
        return default_images()

    @pytest.fixture
    def subject(self, model: Any, images: Sequence[Any]) -> ModelSubject:
        """Return what the checks take. Made of the above; leave it as it is."""
        if getattr(model, "closed", False):
            pytest.fail(
                "The fixture `model` gave a model that is closed already. Let it load one itself instead of handing on "
                "one of a wider scope: tests of this contract close the model that they get.",
                pytrace=False,
            )
        return ModelSubject(
            model=model,
            images=images,
            method=self.method,
            options=self.options,
            tolerance=self.tolerance,
            scales_with_input=self.scales_with_input,
        )

    def test_derives_from_a_base_class(self, subject: ModelSubject) -> None:
        """It derives from a base class of inference_models."""
        self.run_check(model_facts.check_base_class, subject)

    def test_class_names_are_texts(self, subject: ModelSubject) -> None:
        """Its class names are a list of texts that belongs to the caller."""
        self.run_check(model_facts.check_class_names, subject)

    def test_shows_no_secret(self, subject: ModelSubject) -> None:
        """Its repr works and shows no secret."""
        self.run_check(model_facts.check_repr, subject)

    def test_predictions_are_as_documented(self, subject: ModelSubject) -> None:
        """Its predictions have the shapes, dtypes and values that their classes document."""
        self.run_check(same.check_predictions, subject)

    def test_one_image(self, subject: ModelSubject) -> None:
        """One image gives one answer, that of a list of it."""
        self.run_check(same.check_single_image, subject)

    def test_no_image_is_an_error(self, subject: ModelSubject) -> None:
        """No image at all is an error of ours."""
        self.run_check(same.check_no_image, subject)

    def test_a_list_says_what_single_images_say(self, subject: ModelSubject) -> None:
        """What is said of an image does not depend on its neighbours in a list."""
        self.run_check(same.check_list, subject)

    def test_sizes_may_differ_in_a_list(self, subject: ModelSubject) -> None:
        """Images of different sizes may stand in one list."""
        self.run_check(same.check_sizes, subject)

    def test_an_array_of_images_is_a_list(self, subject: ModelSubject) -> None:
        """An array (N, height, width, 3) is as good as a list."""
        self.run_check(same.check_batch_array, subject)

    def test_tensors_say_what_arrays_say(self, subject: ModelSubject) -> None:
        """RGB tensors say what BGR arrays say, and answers come back in kind."""
        self.run_check(same.check_tensors, subject)

    def test_a_stream_says_what_single_images_say(self, subject: ModelSubject) -> None:
        """predict_stream gives what single calls give."""
        self.run_check(model_facts.check_stream, subject)

    def test_positions_are_pixels_of_the_source(self, subject: ModelSubject) -> None:
        """Twice the picture gives twice the positions."""
        self.run_check(check_scaling, subject)

    def test_mask_formats_agree(self, subject: ModelSubject) -> None:
        """Masks as run lengths are the dense ones."""
        self.run_check(check_mask_formats, subject)

    def test_images_stay_as_they_are(self, subject: ModelSubject) -> None:
        """Pictures are not written to, and may be read-only or views."""
        self.run_check(same.check_inputs_unchanged, subject)

    def test_the_same_image_gives_the_same(self, subject: ModelSubject) -> None:
        """The same picture gives the same answer."""
        self.run_check(same.check_determinism, subject)

    def test_threads_get_what_one_gets(self, subject: ModelSubject) -> None:
        """Several threads at once get what one gets."""
        self.run_check(same.check_threads, subject)

    @pytest.mark.parametrize("wrong", WRONG_IMAGES)
    def test_what_is_no_image_is_an_error(self, subject: ModelSubject, wrong: str) -> None:
        """What is no image is an error of ours."""
        self.run_check(lambda one: model_errors.check_wrong_image(one, wrong), subject)

    def test_an_unknown_option_is_an_error(self, subject: ModelSubject) -> None:
        """A keyword argument that the model does not know is an error of ours that names it."""
        self.run_check(model_errors.check_unknown_option, subject)

    @_loads_anew
    def test_closes_what_it_holds(self, subject: ModelSubject) -> None:
        """Its sessions, and other models that it holds, are closed with it."""
        self.run_check(check_release, subject)

    @_loads_anew
    def test_closes_twice(self, subject: ModelSubject) -> None:
        """It can be closed, and closed again."""
        self.run_check(model_errors.check_close, subject)

    @_loads_anew
    def test_is_of_no_use_after_close(self, subject: ModelSubject) -> None:
        """Using it after close() is an error of ours."""
        self.run_check(model_errors.check_use_after_close, subject)
