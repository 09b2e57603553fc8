"""Whatever is loaded, placed or run: torch's own settings, which belong to the whole process, stay as they were."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import torch

from im_backend_torch.session import open_session
from im_backend_torch.toolkit import make_toolkit
from inference_models import ModelRuntimeError


def settings() -> dict[str, Any]:
    """Return every setting of torch that has a getter."""
    backends = torch.backends
    return {
        "threads": torch.get_num_threads(),
        "threads between operators": torch.get_num_interop_threads(),
        "default dtype": torch.get_default_dtype(),
        "default device": str(torch.get_default_device()),
        "gradients": torch.is_grad_enabled(),
        "inference mode": torch.is_inference_mode_enabled(),
        "autocast": (torch.is_autocast_enabled("cpu"), torch.is_autocast_enabled("cuda")),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "deterministic warnings": torch.is_deterministic_algorithms_warn_only_enabled(),
        "precision of products": torch.get_float32_matmul_precision(),
        "denormal numbers": torch.tensor([1e-40]).mul(1).item(),
        "cudnn": (backends.cudnn.enabled, backends.cudnn.benchmark, backends.cudnn.deterministic),
        "tf32": (backends.cuda.matmul.allow_tf32, backends.cudnn.allow_tf32),
        "half sums": backends.cuda.matmul.allow_fp16_reduced_precision_reduction,
        "mkldnn": (backends.mkldnn.is_available(), backends.mkldnn.enabled),
        "random numbers": torch.get_rng_state().tolist(),
        "random numbers of Python": random.getstate(),
        "TorchScript's optimiser": torch._C._get_graph_executor_optimize(),
        "TorchScript's profiles": torch._C._get_graph_executor_mode()
        if hasattr(torch._C, "_get_graph_executor_mode")
        else 0,
        "safe classes": set(torch.serialization.get_safe_globals()),
        "sharing": torch.multiprocessing.get_sharing_strategy(),
        "printing": vars(torch._tensor_str.PRINT_OPTS).copy(),
    }


@pytest.fixture
def unchanged() -> Any:
    """Check after the test that nothing was changed in it."""
    before = settings()
    yield
    after = settings()
    assert {name: after[name] for name in before if after[name] != before[name]} == {}


@pytest.mark.usefixtures("unchanged")
def test_by_a_session(package: Path) -> None:
    session = open_session(package)
    session.run({"images": torch.ones((1, 3, 16, 16), device=session.device)})
    with pytest.raises(ModelRuntimeError):
        session.run({"images": torch.ones((1, 5, 16, 16), device=session.device)})
    session.close()


@pytest.mark.usefixtures("unchanged")
def test_by_the_toolkit(tmp_path: Path) -> None:
    torch.save({"w": torch.ones(1), "b": torch.ones(1)}, tmp_path / "weights.pth")
    toolkit = make_toolkit()
    toolkit.load_state_dict(tmp_path / "weights.pth", allowed_classes=[Path])
    layer = toolkit.place(torch.nn.utils.skip_init(torch.nn.Conv2d, 1, 1, 1))
    with toolkit.inference():
        layer(torch.ones((1, 1, 2, 2), device=toolkit.device))
    with pytest.raises(ModelRuntimeError), toolkit.inference():
        torch.empty(1 << 50)
