"""Whether a model says the same of the same picture, in whatever form and company it comes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from inference_models.errors import BaseInferenceModelsError
from inference_models.testing.checks.comparing import arrays_in, difference, kind_of
from inference_models.testing.checks.findings import Finding, NotChecked
from inference_models.testing.checks.images import Picture, as_tensors
from inference_models.testing.checks.kinds import check_kind
from inference_models.testing.checks.predictions import check_plain_data, check_prediction
from inference_models.testing.checks.subject import ModelSubject, described

_THREADS, _CALLS = 4, 12


def check_single_image(subject: ModelSubject) -> None:
    """Check that one image gives one answer, and that a list of it says the same.

    Raises:
        Finding: it does not.
    """
    for image in subject.images:
        (alone,) = subject.predict(image, 1)
        (listed,) = subject.predict([image], 1)
        _same(subject, alone, listed, "an image and a list of that image", "Put a single image into a list of one.")


def check_no_image(subject: ModelSubject) -> None:
    """Check that no image at all, an empty list or an empty array, is one of our errors.

    Raises:
        Finding: something is returned, or another error is raised.
    """
    nothings: tuple[Any, ...] = ([], np.zeros((0, *subject.images[0].shape), np.uint8))
    for nothing in nothings:
        try:
            answer = subject.call(nothing)
        except BaseInferenceModelsError:
            continue
        except Exception as error:
            raise Finding(
                f"{subject.name}.{subject.method}({described(nothing)}) raised {type(error).__name__}: {error}",
                "Raise ModelInputError when there is no image; developer_tools.as_images does.",
            ) from error
        raise Finding(
            f"{subject.name}.{subject.method}({described(nothing)}) returned {answer!r:.80}.",
            "Raise ModelInputError when there is no image; developer_tools.as_images does.",
        )


def check_list(subject: ModelSubject) -> None:
    """Check that a list of images says of each what the image alone gives, whatever its place and its neighbours.

    Raises:
        Finding: it does not.
    """
    alone = _alone(subject)
    for order in (list(range(len(alone))), list(reversed(range(len(alone)))), [0, 0, *range(len(alone))]):
        listed = subject.predict([subject.images[place] for place in order], len(order))
        for place, answer in zip(order, listed, strict=True):
            _same(
                subject,
                alone[place],
                answer,
                f"image {place} alone and in a list of {len(order)}",
                "Let no image of a batch see the others, and give each its own metadata, so that one that was resized "
                "in another way comes back in its own pixels. A network that adds up in another order for a batch "
                "may need a larger `tolerance`.",
            )


def check_sizes(subject: ModelSubject) -> None:
    """Check that images of different sizes may stand in one list.

    Raises:
        Finding: they may not, or each comes back with the size of another.
        NotChecked: all images of the subject have one size.
    """
    first = subject.images[0]
    other = next((image for image in subject.images if image.shape != first.shape), None)
    if other is None:
        raise NotChecked("all pictures of the fixture `images` have one size: give two of different sizes")
    for pair in ([first, other], [other, first]):
        for image, answer in zip(pair, subject.predict(pair, 2), strict=True):
            check_prediction(answer, _size(image))


def check_batch_array(subject: ModelSubject) -> None:
    """Check that an array (N, height, width, 3) says what a list of its images does.

    Raises:
        Finding: it does not.
    """
    image = subject.images[0]
    batch = np.stack([image, np.ascontiguousarray(image[::-1]), image])
    listed = subject.predict(list(batch), 3)
    for place, answer in enumerate(subject.predict(batch, 3)):
        what = f"image {place} of an array (N, height, width, 3) and of a list"
        _same(subject, listed[place], answer, what, "Take an array with four axes for a batch, the first being N.")


def check_tensors(subject: ModelSubject) -> None:
    """Check that a picture says the same as BGR array and as RGB tensor, and that answers come back in kind.

    Raises:
        Finding: it does not.
        NotChecked: torch is not installed.
    """
    change = (
        "numpy images are (height, width, 3) in blue, green, red; torch images (3, height, width) in red, green, blue: "
        "ImagePreProcessor knows that. Do not assume one of both."
    )
    for image in subject.images:
        (expected,) = subject.predict(image, 1)
        _check_in_kind(expected, image)
        for what, tensor in as_tensors(image).items():
            (answer,) = subject.predict(tensor, 1)
            _same(subject, expected, answer, f"a picture as array and as tensor, {what}", change)
            _check_in_kind(answer, tensor)
    tensor = next(iter(as_tensors(subject.images[0]).values()))
    (expected,) = subject.predict(tensor, 1)
    for answer in subject.predict(tensor[None].expand(2, -1, -1, -1), 2):
        _same(subject, expected, answer, "a tensor and a batch (N, 3, height, width) of it", change)


def check_predictions(subject: ModelSubject) -> None:
    """Check that what the model says is what the classes of its predictions document.

    Raises:
        Finding: a type, shape, dtype, value or name is another.
    """
    for image in subject.images:
        (answer,) = subject.predict(image, 1)
        if subject.method == "infer":
            check_kind(subject.model, answer, _size(image))
        check_prediction(answer, _size(image))
        for part in answer if isinstance(answer, tuple) else (answer,):
            if hasattr(part, "to_dict"):
                check_plain_data(part)


def check_inputs_unchanged(subject: ModelSubject) -> None:
    """Check that pictures are not written to, and may be read-only or views of others.

    Raises:
        Finding: a picture was changed, or such a picture is refused or gives something else.
    """
    for image in subject.images:
        given = image.copy()
        (expected,) = subject.predict(given, 1)
        if not np.array_equal(given, image):
            raise Finding(
                f"{subject.name}.{subject.method} changed the picture that it was given.",
                "Write to a copy. Callers draw on their frames, and give them to other models, too.",
            )
        given.flags.writeable = False
        wide = np.repeat(image, 2, axis=1)
        for kind, view in {"read-only array": given, "view of every second column": wide[:, ::2]}.items():
            answer = _answer_for_view(subject, view, kind)
            _same(subject, expected, answer, f"a picture and the same as a {kind}", "Copy what must be contiguous.")


def _answer_for_view(subject: ModelSubject, view: Picture, kind: str) -> Any:
    try:
        return subject.predict(view, 1)[0]
    except ValueError as error:  # numpy's, where a picture is written to, or reshaped without a copy
        raise Finding(
            f"{subject.name}.{subject.method} fails for a picture that is a {kind}: {error}.",
            "Never write to a picture: copy it first. Copy what must be contiguous, too.",
        ) from error


def check_determinism(subject: ModelSubject) -> None:
    """Check that the same picture gives the same answer again.

    Raises:
        Finding: it does not.
    """
    for image in subject.images:
        (first,), (again,) = subject.predict(image, 1), subject.predict(image, 1)
        change = "Put the network into its inference mode (eval()), and seed what is drawn by chance for each call."
        _same(subject, first, again, "a picture and the same picture again", change)


def check_threads(subject: ModelSubject) -> None:
    """Check that several threads at once get what one gets.

    Raises:
        Finding: they do not, or a call fails.
    """
    expected = _alone(subject)
    places = [call % len(expected) for call in range(_CALLS)]

    def ask(place: int) -> Any:
        return subject.predict(subject.images[place], 1)[0]

    with ThreadPoolExecutor(_THREADS) as pool:
        answers = list(pool.map(ask, places))
    for place, answer in zip(places, answers, strict=True):
        change = "Keep what belongs to a call out of `self`, and put a lock around a runtime that serves one at a time."
        _same(subject, expected[place], answer, f"image {place} in one thread and in {_THREADS}", change)


def _alone(subject: ModelSubject) -> list[Any]:
    return [subject.predict(image, 1)[0] for image in subject.images]


def _size(image: Picture) -> tuple[int, int]:
    return image.shape[0], image.shape[1]


def _same(subject: ModelSubject, one: Any, other: Any, what: str, change: str) -> None:
    text = difference(one, other, subject.tolerance)
    if text is not None:
        raise Finding(f"{subject.name}.{subject.method} says different things of {what}: {text}.", change)


def _check_in_kind(answer: Any, image: Any) -> None:
    """Raise Finding unless all arrays in an answer are of the image's library, and lie where it lies."""
    expected = _place(image)
    for name, array in arrays_in(answer):
        if _place(array) != expected:
            raise Finding(
                f"{expected} images gave `{name.lstrip('.') or 'an array'}` as {_place(array)}.",
                "Answer in kind: numpy for numpy, tensors on the image's device for tensors. PreProcessingMetadata has "
                "`array_kind` and `device`; predictions have to_torch, developer_tools has as_kind and as_like.",
            )


def _place(array: Any) -> str:
    return kind_of(array) if kind_of(array) == "numpy" else f"torch {array.device}"
