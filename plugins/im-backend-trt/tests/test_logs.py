from __future__ import annotations

import threading

from im_backend_trt.logs import log_of, quote


def test_a_module_has_one_log_which_knows_its_operators(fake) -> None:
    assert log_of(fake) is log_of(fake)
    assert fake.state.plugins_registered == 1


def test_errors_come_before_warnings_and_the_rest_is_left_out(fake) -> None:
    log = log_of(fake)
    for severity, text in (("WARNING", "odd"), ("INFO", "loading"), ("INTERNAL_ERROR", "no\n  GPU"), ("VERBOSE", "x")):
        log.log(fake.ILogger.Severity[severity], text)
    assert log.drain() == ["no GPU", "odd"]
    assert log.drain() == []


def test_what_is_said_to_another_thread_that_asks_is_its_own(fake) -> None:
    log = log_of(fake)
    log.drain()
    heard: list[str] = []

    def other() -> None:
        log.drain()
        log.log(fake.ILogger.ERROR, "theirs")
        heard.extend(log.drain())

    log.log(fake.ILogger.ERROR, "ours")
    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert (heard, log.drain()) == (["theirs"], ["ours"])


def test_what_tensorrts_own_threads_say_is_heard_by_whoever_asks(fake) -> None:
    log = log_of(fake)
    log.drain()
    thread = threading.Thread(target=log.log, args=(fake.ILogger.ERROR, "from within"))
    thread.start()
    thread.join()
    assert log.drain() == ["from within"]


def test_only_the_last_lines_are_kept(fake) -> None:
    log = log_of(fake)
    log.drain()
    for number in range(100):
        log.log(fake.ILogger.WARNING, str(number))
    assert log.drain() == [str(number) for number in range(60, 100)]


def test_quotes() -> None:
    assert quote([]) == "TensorRT gives no reason"
    assert quote(["a", "a", "b"]) == "TensorRT says: a | b"
    assert quote(list("abcdefg")) == "TensorRT says: a | b | c | d | e (and 2 more lines)"
