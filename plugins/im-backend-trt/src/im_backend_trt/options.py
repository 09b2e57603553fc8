"""The options of `AutoModel.from_pretrained` that this backend takes, checked before anything is chosen or opened."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from im_backend_trt.runtimes import HOST_CODE_OPTION
from inference_models import InvalidParameterError
from inference_models.developer_tools import CudaGraphCache

if TYPE_CHECKING:
    from inference_models.developer_tools import Environment

CACHE_OPTION, NO_GRAPHS_OPTION = "cuda_graph_cache", "disable_cuda_graphs"
SESSION_OPTIONS = (HOST_CODE_OPTION, CACHE_OPTION, NO_GRAPHS_OPTION)


def check_options(options: Mapping[str, Any], environment: Environment | None = None) -> None:
    """Raise InvalidParameterError for a value that makes no sense, or a name that is no option."""
    if unknown := sorted(set(options) - set(SESSION_OPTIONS)):
        raise InvalidParameterError(
            f"The TensorRT backend has no option {unknown[0]!r}, only {', '.join(sorted(SESSION_OPTIONS))}."
        )
    for name in (HOST_CODE_OPTION, NO_GRAPHS_OPTION):
        if not isinstance(options.get(name, False), bool):
            raise InvalidParameterError(f"{name}= takes True or False, not {options[name]!r}.")
    cache = options.get(CACHE_OPTION)
    if cache is not None and not isinstance(cache, CudaGraphCache):
        raise InvalidParameterError(
            f"{CACHE_OPTION}= takes a TRTCudaGraphCache of inference_models.developer_tools, not "
            f"{type(cache).__name__!r}."
        )
