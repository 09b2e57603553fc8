"""How text is generated: the options of a call, drawing at random without touching torch's generator, and streaming."""

from __future__ import annotations

import copy
import secrets
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from queue import SimpleQueue
from threading import Event, Lock, Thread
from typing import Any, Self

from attrs import frozen

from im_florence2.configuration import DO_SAMPLE, MAX_NEW_TOKENS, NUM_BEAMS
from inference_models import InvalidParameterError

# torch draws from one generator for the whole process: while it is ours, nobody else's call may have it.
_drawing = Lock()


@frozen
class Generation:
    """The options of one call.

    Attributes:
        max_new_tokens: how many tokens are generated at most.
        num_beams: how many continuations are followed at a time.
        do_sample: whether tokens are drawn at random.
        seed: what the draws start from; None: another one each time.
    """

    max_new_tokens: int
    num_beams: int
    do_sample: bool
    seed: int | None = None

    @classmethod
    def parse(
        cls, max_new_tokens: object = None, num_beams: object = None, do_sample: object = None, seed: Any = None
    ) -> Self:
        """Return checked options; None stands for the default. Raises: InvalidParameterError, InvalidEnvVariable."""
        sample = DO_SAMPLE.get() if do_sample is None else do_sample
        if not isinstance(sample, bool):
            raise InvalidParameterError(f"do_sample= takes True or False, not {do_sample!r}.")
        if seed is not None and (not _is_whole(seed) or not 0 <= seed < 2**64):
            raise InvalidParameterError(f"seed= takes a whole number of at least 0, not {seed!r}.")
        if seed is not None and not sample:
            raise InvalidParameterError("seed= changes nothing without do_sample=True: tokens are not drawn at random.")
        return cls(
            max_new_tokens=_count("max_new_tokens", MAX_NEW_TOKENS.get() if max_new_tokens is None else max_new_tokens),
            num_beams=_count("num_beams", NUM_BEAMS.get() if num_beams is None else num_beams),
            do_sample=sample,
            seed=seed,
        )

    def configure(self, defaults: Any, longest: int) -> Any:
        """Return the `GenerationConfig` of a call.

        Args:
            defaults: that of the package.
            longest: how many tokens the network can generate.
        """
        config = copy.deepcopy(defaults)
        config.max_length = config.min_length = None
        config.max_new_tokens = min(self.max_new_tokens, longest)
        config.num_beams, config.do_sample = self.num_beams, self.do_sample
        config.use_cache = True
        if self.num_beams == 1:
            config.early_stopping, config.length_penalty = False, 1.0
        if not self.do_sample:
            config.temperature = config.top_k = config.top_p = None
        return config

    @contextmanager
    def randomness(self, device: str) -> Iterator[None]:
        """Return the context in which tokens are drawn. torch's own generators are as before afterwards."""
        if not self.do_sample:
            yield
            return
        torch = sys.modules["torch"]
        devices = [device] if device.startswith("cuda") else []
        with _drawing, torch.random.fork_rng(devices=devices):
            torch.manual_seed(secrets.randbits(63) if self.seed is None else self.seed)
            yield


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _count(name: str, value: Any) -> int:
    if not _is_whole(value) or value < 1:
        raise InvalidParameterError(f"{name}= takes a whole number of at least 1, not {value!r}.")
    return int(value)


class _Abandoned(Exception):  # noqa: N818 (ends a generation; nobody catches it as an error)
    """Nobody reads on."""


class TextStream(Iterator[str]):
    """Text as it is generated, in pieces that joined are the whole.

    The network runs in a thread of its own, which ends with the text or with `close()`.
    """

    def __init__(self, generate: Callable[[Any], None], decode: Callable[[Sequence[int]], str]) -> None:
        """Start generating.

        Args:
            generate: runs the network and puts token ids into the streamer that it is given.
            decode: turns ids into text.
        """
        self._decode = decode
        self._queue: SimpleQueue[list[int] | BaseException | None] = SimpleQueue()
        self._pending: list[int] = []
        self._closed = Event()
        self._done = False
        Thread(target=_run, args=(generate, _Streamer(self._queue, self._closed)), daemon=True).start()

    def __next__(self) -> str:
        while not self._done:
            received = self._queue.get()
            if isinstance(received, BaseException):
                self.close()
                raise received
            self._pending += received or ()
            piece = self._decode(self._pending)
            self._done = received is None
            # A letter may be made of several tokens; half of one shows as the replacement character.
            if piece and (self._done or not piece.endswith("\ufffd")):
                self._pending = []
                return piece
        raise StopIteration

    def close(self) -> None:
        """Stop generating with the next token. What was not read is lost."""
        self._closed.set()
        self._done = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __del__(self) -> None:
        self._closed.set()


@frozen
class _Streamer:
    """What `generate` of transformers hands its tokens to, from its thread. It does not keep the stream alive."""

    queue: SimpleQueue[list[int] | BaseException | None]
    closed: Event

    def put(self, value: Any) -> None:
        if self.closed.is_set():
            raise _Abandoned
        self.queue.put(value.reshape(-1).tolist())

    def end(self) -> None:
        """Do nothing: the end of the call is the end of the text."""


def _run(generate: Callable[[Any], None], streamer: _Streamer) -> None:
    try:
        generate(streamer)
    except _Abandoned:
        pass
    except BaseException as error:  # whoever reads the stream is told, in their thread
        streamer.queue.put(error)
    else:
        streamer.queue.put(None)
