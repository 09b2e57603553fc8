"""What is given for this backend is checked before anything is chosen, on machines without a GPU, too."""

from __future__ import annotations

import pytest

from im_backend_trt.options import check_options
from inference_models import AutoModel, InvalidParameterError
from inference_models.developer_tools import TRTCudaGraphCache

WRONG = [
    ({"trt_engine_host_code_allowed": "yes"}, "trt_engine_host_code_allowed= takes True or False, not 'yes'"),
    ({"disable_cuda_graphs": 1}, "disable_cuda_graphs= takes True or False, not 1"),
    ({"cuda_graph_cache": 8}, "cuda_graph_cache= takes a TRTCudaGraphCache .*, not 'int'"),
]


def test_what_makes_sense() -> None:
    check_options({})
    check_options(
        {"trt_engine_host_code_allowed": True, "cuda_graph_cache": TRTCudaGraphCache(2), "disable_cuda_graphs": False}
    )


@pytest.mark.parametrize(("options", "message"), WRONG)
def test_what_makes_none(options, message: str) -> None:
    with pytest.raises(InvalidParameterError, match=message):
        check_options(options)


@pytest.mark.parametrize(("options", "message"), WRONG)
def test_it_is_an_error_where_another_backend_would_be_chosen(options, message: str) -> None:
    pytest.importorskip("im_demo")
    with pytest.raises(InvalidParameterError, match=message):
        AutoModel.explain("demo://shapes", **options)
    AutoModel.explain("demo://shapes", trt_engine_host_code_allowed=True, disable_cuda_graphs=True).require_candidates()
