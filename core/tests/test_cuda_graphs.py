from __future__ import annotations

import threading

import pytest

from inference_models import InvalidEnvVariable, InvalidParameterError
from inference_models.developer_tools import CudaGraphCache, TRTCudaGraphCache, establish_trt_cuda_graph_cache

VARIABLE = "ENABLE_AUTO_CUDA_GRAPHS_FOR_TRT_BACKEND"


def key(batch: int) -> tuple[object, ...]:
    return ((batch, 3, 8, 8),), ("float32",), "cuda:0"


def test_the_least_recently_used_graph_is_dropped() -> None:
    cache = CudaGraphCache(2)
    cache[key(1)], cache[key(2)] = "one", "two"
    assert cache[key(1)] == "one"
    cache[key(3)] = "three"
    assert cache.list_keys() == [key(1), key(3)]
    assert (cache.get_current_size(), len(cache)) == (2, 2)
    assert key(2) not in cache
    assert cache.get(key(2)) is None
    with pytest.raises(KeyError):
        cache[key(2)]


def test_a_graph_that_is_recorded_again_is_the_newest() -> None:
    cache = CudaGraphCache(2)
    cache[key(1)], cache[key(2)], cache[key(1)] = "one", "two", "again"
    cache[key(3)] = "three"
    assert cache.list_keys() == [key(1), key(3)]
    assert cache[key(1)] == "again"


def test_purging() -> None:
    cache = CudaGraphCache(4)
    for batch in range(4):
        cache[key(batch)] = batch
    cache.safe_remove(key(9))
    cache.safe_remove(key(0))
    cache.purge(n_oldest=1)
    assert cache.list_keys() == [key(2), key(3)]
    cache.purge(n_oldest=9)
    assert cache.list_keys() == []
    cache[key(1)] = 1
    cache.purge()
    assert cache.get_current_size() == 0


def test_an_empty_cache_is_a_cache() -> None:
    assert CudaGraphCache(1)


def test_one_cache_serves_one_session() -> None:
    cache, first = CudaGraphCache(1), object()
    cache.claim(first)
    cache.claim(first)
    with pytest.raises(InvalidParameterError, match="a cache of its own"):
        cache.claim(object())


@pytest.mark.parametrize("capacity", [0, -1, True, 1.5, "8", None])
def test_a_capacity_that_makes_no_sense(capacity: object) -> None:
    with pytest.raises(InvalidParameterError, match="capacity"):
        CudaGraphCache(capacity)


def test_many_threads_never_exceed_the_capacity() -> None:
    cache, sizes = CudaGraphCache(3), []

    def use(offset: int) -> None:
        for step in range(500):
            cache[key((offset + step) % 7)] = step
            cache.get(key(step % 7))
            sizes.append(len(cache.list_keys()))
            if step % 50 == 0:
                cache.purge(1)

    threads = [threading.Thread(target=use, args=(offset,)) for offset in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(sizes) == 2000
    assert max(sizes) <= 3


class TestEstablishing:
    def test_it_is_off_by_default(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv(VARIABLE, raising=False)
        assert establish_trt_cuda_graph_cache(8) is None

    def test_what_was_given_is_used(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(VARIABLE, "1")
        given = TRTCudaGraphCache(2)
        assert establish_trt_cuda_graph_cache(8, cuda_graph_cache=given) is given

    def test_the_variable_is_read_each_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(VARIABLE, "true")
        made = establish_trt_cuda_graph_cache(8)
        assert made is not None
        assert made.capacity == 8
        assert establish_trt_cuda_graph_cache(8) is not made
        monkeypatch.setenv(VARIABLE, "perhaps")
        with pytest.raises(InvalidEnvVariable, match=VARIABLE):
            establish_trt_cuda_graph_cache(8)
