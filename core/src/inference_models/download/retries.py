"""How often a failing request is tried again, and how long to wait in between."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from inference_models.configuration import API_CALLS_MAX_TRIES
from inference_models.download.failures import RequestError, TransientError
from inference_models.errors import RetryError

__all__ = ["Tries", "backoff", "parse_retry_after"]

logger = logging.getLogger(__name__)

LONGEST_WAIT_SECONDS = 30.0
_FIRST_WAIT_SECONDS = 0.5


class Tries:
    """Counts the tries of one request that brought nothing. Progress starts the count anew.

    Args:
        wait: sleeps for a number of seconds; raises when there is no point in going on.
    """

    def __init__(self, wait: Callable[[float], object] = time.sleep) -> None:
        self._wait = wait
        self._allowed = API_CALLS_MAX_TRIES.get()
        self._failed = 0
        self._reached = 0
        self._was_dropped = False

    def reached(self, position: int) -> None:
        """Note that all up to `position` has come. Only what no try before has reached is progress."""
        if position > self._reached:
            self._reached = position
            self._failed = 0
            self._was_dropped = False

    def failed(self, failure: RequestError) -> None:
        """Return when it is time for the next try.

        Raises:
            RequestError: `failure` itself, which no other try can help.
            RetryError: all tries are used up.
        """
        if not isinstance(failure, TransientError):
            raise failure
        if failure.dropped and not self._was_dropped:
            self._was_dropped = True  # most likely a connection that had been idle for too long: nothing to wait for
            return
        self._failed += 1
        if self._failed >= self._allowed:
            tries = "1 try" if self._failed == 1 else f"{self._failed} tries"
            raise RetryError(
                f"Given up after {tries} without progress ({API_CALLS_MAX_TRIES.name} sets how many). The last: "
                f"{failure.message} What has come of a file so far is kept, and the next load goes on from there."
            )
        asked = min(failure.retry_after or 0.0, LONGEST_WAIT_SECONDS)
        seconds = max(asked, backoff(self._failed, LONGEST_WAIT_SECONDS))
        logger.warning(
            "%s Trying again in %.1f s (try %d of %d).", failure.message, seconds, self._failed + 1, self._allowed
        )
        self._wait(seconds)


def backoff(failed: int, longest: float) -> float:
    """Return the seconds to wait after so many failures. They double up to `longest`.

    Half of them are random: clients that failed together must not return together.
    """
    return min(_FIRST_WAIT_SECONDS * 2.0 ** min(failed - 1, 16), longest) * random.uniform(0.5, 1.0)


def parse_retry_after(text: str | None) -> float | None:
    """Return the seconds that a Retry-After header asks for: it holds a number of them, or an HTTP date."""
    text = (text or "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
