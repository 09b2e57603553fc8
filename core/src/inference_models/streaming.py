"""Predictions for many images, one after the other, without the network waiting for anything else.

One thread takes images from their source and pre-processes them, one or more run the network, one post-processes. An
image goes from one to the next, so each stage works on another image at the same time, and the order stays. The stages
release Python's global lock where their time goes: in OpenCV, numpy and the backend.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator, Iterable, Iterator
from queue import SimpleQueue
from threading import Event, Semaphore, Thread, current_thread
from typing import Any, TypeAlias, TypeVar

from attrs import Factory, define

from inference_models.errors import InvalidParameterError
from inference_models.models.keywords import keywords_of

__all__ = ["predict_stream"]

Item = TypeVar("Item")
_Stage: TypeAlias = Callable[[Any], Any]


@define(eq=False)
class _Job:
    """One image on its way: what the last stage made of it, or why that failed."""

    image: Any = None
    value: Any = None
    error: BaseException | None = None
    through: Event = Factory(Event)  # the network is done with it


_Queue: TypeAlias = SimpleQueue["_Job | None"]
"""None: nothing follows."""


def predict_stream(
    model: Any, images: Iterable[Item], *, depth: int | None = None, parallel_runs: int = 1, **kwargs: Any
) -> Generator[tuple[Item, Any], None, None]:
    """Yield `(image, model.infer(image, **kwargs))` for each image, in order, stages overlapped across images.

    Nothing starts before the first `next()`. Leaving the loop early, an exception and `close()` stop the threads:
    work that has begun is waited for, including that of `images`.

    Args:
        model: any with `pre_process`, `forward` and `post_process`.
        images: what `infer` takes, one after the other: images, or lists of images as batches. Read from another
            thread, never more than `depth` ahead of what was yielded, so it may be endless.
        depth: at most so many images are in work or wait for the caller; 1 overlaps only with what the caller does.
            Memory grows with it. Default: 2 more than `parallel_runs`, which keeps every stage busy.
        parallel_runs: on so many images the network works at once, each run in a thread of its own. For a network that
            one run does not spread well over the CPUs: with as many runs as CPUs and one thread for each (for the
            ONNX backend `onnx_threads=1`), most images get through in a second. Each of them takes longer then.
        **kwargs: options of the stages, as `infer` takes them.

    Yields:
        Each item of `images` itself, and what `infer` returns for it.

    Raises:
        InvalidParameterError: `depth` or `parallel_runs` is not a whole number of at least 1, `model` has no stages,
            `images` is no iterable of images, or no stage accepts one of the keyword arguments; at once, not in the
            loop.
        SessionClosedError: the model is closed; at once.
        Exception: what a stage, or `images` itself, raised; in place of that image, after all before it. It ends the
            stream.
    """
    runs = _checked_count("parallel_runs", parallel_runs)
    depth = runs + 2 if depth is None else _checked_count("depth", depth)
    return _Stream(_stages_of(model, kwargs), depth, runs).run(_source_of(images))


def _checked_count(name: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise InvalidParameterError(f"{name} must be a whole number of at least 1, got {value!r}.")
    return value


def _source_of(images: Any) -> Iterator[Any]:
    """Return an iterator over the images, which is not advanced yet."""
    single = isinstance(images, (str, bytes)) or getattr(images, "ndim", 4) < 4
    if single or not isinstance(images, Iterable):
        kind = f"an array of shape {tuple(images.shape)}" if hasattr(images, "shape") else f"a {type(images).__name__}"
        raise InvalidParameterError(
            f"predict_stream takes images one after the other: a list, a generator or another iterable; got {kind}. "
            f"Put a single image into a list."
        )
    return iter(images)


def _stages_of(model: Any, kwargs: dict[str, Any]) -> tuple[_Stage, _Stage, _Stage]:
    """Return the stages of a model, each a function of what the one before returned."""
    if hasattr(model, "stages"):
        stages: tuple[_Stage, _Stage, _Stage] = model.stages(**kwargs)
        return stages
    names = ("pre_process", "forward", "post_process")
    missing = [name for name in names if not callable(getattr(model, name, None))]
    if missing:
        raise InvalidParameterError(
            f"predict_stream overlaps pre_process, forward and post_process, but {type(model).__name__} has no "
            f"{' and no '.join(missing)}. Call the model on each image instead."
        )
    required = [
        parameter
        for parameter in inspect.signature(model.post_process).parameters.values()
        if parameter.default is parameter.empty and parameter.kind <= parameter.POSITIONAL_OR_KEYWORD
    ]
    pre, run, post = keywords_of(model, dict(zip(names, (1, 1, len(required)), strict=True)), kwargs)
    if len(required) < 2:
        return (
            lambda images: model.pre_process(images, **pre),
            lambda inputs: model.forward(inputs, **run),
            lambda raw: model.post_process(raw, **post),
        )
    return (
        lambda images: model.pre_process(images, **pre),
        lambda inputs: (model.forward(inputs[0], **run), inputs[1]),
        lambda raw: model.post_process(raw[0], raw[1], **post),
    )


class _Stream:
    """The threads and what lies between them."""

    def __init__(self, stages: tuple[_Stage, _Stage, _Stage], depth: int, runs: int) -> None:
        self._stages = stages
        self._runs = runs
        self._free = Semaphore(depth)  # places for images between the source and the caller
        self._stopped = Event()
        self._to_run: _Queue = SimpleQueue()
        self._in_order: _Queue = SimpleQueue()  # what is in the network or will be, and has to leave it first
        self._finished: _Queue = SimpleQueue()

    def run(self, source: Iterator[Any]) -> Generator[tuple[Any, Any], None, None]:
        """Start the threads, yield what comes out, stop them."""
        threads = self._start(source)
        try:
            while (job := self._finished.get()) is not None:
                if job.error is not None:
                    try:
                        raise job.error
                    finally:
                        del job  # else the error, its traceback and this frame would keep each other
                self._free.release()
                yield job.image, job.value
                del job
        finally:
            self._stop(threads)

    def _start(self, source: Iterator[Any]) -> list[Thread]:
        works: list[tuple[str, Callable[[], None]]] = [
            ("pre-process", lambda: self._read(source)),
            *[("forward", self._forward)] * self._runs,
            ("post-process", self._post_process),
        ]
        # Daemons: a stream that was left in the middle must not keep the program from ending.
        threads = [Thread(target=work, name=f"predict_stream {name}", daemon=True) for name, work in works]
        for thread in threads:
            thread.start()
        return threads

    def _stop(self, threads: list[Thread]) -> None:
        self._stopped.set()
        self._free.release()  # the first thread ends, and tells the others that nothing follows
        for thread in threads:
            if thread is not current_thread():  # the garbage collector may close a forgotten stream from anywhere
                thread.join()

    def _read(self, source: Iterator[Any]) -> None:
        """Take images from their source and pre-process them."""
        pre_process = self._stages[0]
        job = _Job()
        try:
            while self._free.acquire() and not self._stopped.is_set():
                try:
                    job.image = next(source)
                except StopIteration:
                    break
                job.value = pre_process(job.image)
                self._to_run.put(job)
                self._in_order.put(job)
                job = _Job()
        except BaseException as error:
            job.error = error
            job.through.set()
            self._in_order.put(job)
        for queue in [*[self._to_run] * self._runs, self._in_order]:
            queue.put(None)

    def _forward(self) -> None:
        """Run the network on what comes in."""
        forward = self._stages[1]
        while (job := self._to_run.get()) is not None:
            self._do(forward, job)
            job.through.set()
            del job  # nothing is kept while waiting for the next

    def _post_process(self) -> None:
        """Finish one image after the other, in the order in which they came, and hand on those that failed."""
        post_process = self._stages[2]
        while (job := self._in_order.get()) is not None:
            job.through.wait()
            self._do(post_process, job)
            self._finished.put(job)
            del job
        self._finished.put(None)

    def _do(self, stage: _Stage, job: _Job) -> None:
        """Do one stage of an image, unless it failed before or nobody waits for it any more."""
        if job.error is None and not self._stopped.is_set():
            try:
                job.value = stage(job.value)
            except BaseException as error:
                job.error = error
