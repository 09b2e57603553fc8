"""CUDA graphs that a session has recorded, the least recently used ones dropped first.

What a graph is, and how it is recorded and replayed, is the backend's business: here it is an object under a key.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any, TypeAlias

from inference_models.configuration import AUTO_CUDA_GRAPHS
from inference_models.errors import InvalidParameterError

Key: TypeAlias = tuple[Any, ...]
"""Shapes, dtypes and device of one kind of run."""


class CudaGraphCache:
    """The graphs of one session by key, from any thread. It never holds more than `capacity`.

    Each graph keeps the memory of its inputs, outputs and of what lies between them, so the capacity limits memory on
    the device. A graph that is dropped while it runs is released after that run.

    Args:
        capacity: how many graphs are kept, at least 1.

    Raises:
        InvalidParameterError: the capacity is no whole number of at least 1.
    """

    def __init__(self, capacity: int) -> None:
        if not isinstance(capacity, int) or isinstance(capacity, bool) or capacity < 1:
            raise InvalidParameterError(f"A cache of CUDA graphs has a capacity of at least 1, not {capacity!r}.")
        self.capacity = capacity
        self._graphs: OrderedDict[Key, Any] = OrderedDict()
        self._lock = threading.RLock()
        self._owner: object | None = None

    def claim(self, owner: object) -> None:
        """Make the cache the one of a session, which graphs are bound to.

        Raises:
            InvalidParameterError: it is that of another session: the same key would mean another network there.
        """
        with self._lock:
            if self._owner is not None and self._owner is not owner:
                raise InvalidParameterError(
                    "This cache of CUDA graphs belongs to another model already. Give each model a cache of its own."
                )
            self._owner = owner

    def get_current_size(self) -> int:
        """Return how many graphs there are."""
        return len(self._graphs)

    def list_keys(self) -> list[Key]:
        """Return the keys, the least recently used first."""
        with self._lock:
            return list(self._graphs)

    def get(self, key: Key) -> Any:
        """Return the graph of `key`, now the most recently used one; None when there is none."""
        with self._lock:
            if key in self._graphs:
                self._graphs.move_to_end(key)
            return self._graphs.get(key)

    def safe_remove(self, key: Key) -> None:
        """Drop a graph, if it is there."""
        with self._lock:
            self._graphs.pop(key, None)

    def purge(self, n_oldest: int | None = None) -> None:
        """Drop the `n_oldest` graphs that were not used for longest. None: all."""
        with self._lock:
            count = len(self._graphs) if n_oldest is None else min(n_oldest, len(self._graphs))
            for _ in range(count):
                self._graphs.popitem(last=False)

    def __contains__(self, key: object) -> bool:
        return key in self._graphs

    def __len__(self) -> int:
        return len(self._graphs)

    def __bool__(self) -> bool:
        return True  # an empty cache is one, too: `cache or other` must not pass it over

    def __getitem__(self, key: Key) -> Any:
        graph = self.get(key)
        if graph is None:
            raise KeyError(key)
        return graph

    def __setitem__(self, key: Key, graph: Any) -> None:
        with self._lock:
            self._graphs[key] = graph
            self._graphs.move_to_end(key)
            while len(self._graphs) > self.capacity:
                self._graphs.popitem(last=False)


TRTCudaGraphCache = CudaGraphCache
"""The name under which authors of models for TensorRT know it."""


def establish_trt_cuda_graph_cache(
    default_cuda_graph_cache_size: int, cuda_graph_cache: CudaGraphCache | None = None
) -> CudaGraphCache | None:
    """Return the cache that a model of the backend `trt` should use; None: it records no graphs.

    Args:
        default_cuda_graph_cache_size: capacity of a cache that is made here.
        cuda_graph_cache: what the caller of the model gave; used as it is.

    Returns:
        What was given; else a new cache if ENABLE_AUTO_CUDA_GRAPHS_FOR_TRT_BACKEND is set, else None.

    Raises:
        InvalidEnvVariable: the variable has a value that cannot be used.
        InvalidParameterError: the size is no whole number of at least 1.
    """
    if cuda_graph_cache is not None:
        return cuda_graph_cache
    return CudaGraphCache(default_cuda_graph_cache_size) if AUTO_CUDA_GRAPHS.get() else None
