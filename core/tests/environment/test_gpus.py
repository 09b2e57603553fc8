from __future__ import annotations

from pathlib import Path

import pytest

from inference_models.environment import Gpu, GpuScan
from inference_models.environment.gpus import cuda_version_text, gpu_fingerprint, only_visible

L4, T4 = "GPU-7c1c9c4a-1111-2222-3333-444455556666", "GPU-7d0000aa-1111-2222-3333-444455556666"
SCAN = GpuScan(gpus=(Gpu(index=0, name="NVIDIA L4", uuid=L4), Gpu(index=1, name="Tesla T4", uuid=T4)))


@pytest.mark.parametrize(
    ("variable", "names"),
    [
        ("0", ["NVIDIA L4"]),
        ("1", ["Tesla T4"]),
        ("1,0", ["Tesla T4", "NVIDIA L4"]),
        (" 1 , 0 ", ["Tesla T4", "NVIDIA L4"]),
        ("GPU-7d", ["Tesla T4"]),
        (f"{T4},{L4}", ["Tesla T4", "NVIDIA L4"]),
        ("0,7,1", ["NVIDIA L4"]),  # CUDA stops at the first that does not exist
        ("0,-1,1", ["NVIDIA L4"]),
        ("0,0", ["NVIDIA L4"]),
        ("MIG-1a2b", ["NVIDIA L4"]),
    ],
)
def test_only_what_cuda_will_see_counts_numbered_as_cuda_will(monkeypatch, variable: str, names: list[str]) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", variable)
    gpus = only_visible(SCAN).gpus

    assert [gpu.name for gpu in gpus] == names
    assert [gpu.index for gpu in gpus] == list(range(len(names)))


@pytest.mark.parametrize("variable", ["", "-1", "none", "GPU-7", "2", "NoDevFiles"])
def test_hidden_gpus_are_no_gpus_and_the_reason_says_so(monkeypatch, variable: str) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", variable)
    scan = only_visible(SCAN)

    assert scan.gpus == ()
    assert scan.problem == f"CUDA_VISIBLE_DEVICES={variable!r} hides all 2 GPUs"


def test_without_the_variable_all_are_visible(monkeypatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)

    assert only_visible(SCAN) is SCAN


def test_nothing_is_hidden_where_nothing_is(monkeypatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    nothing = GpuScan(problem="no NVIDIA driver answers")

    assert only_visible(nothing) is nothing


def test_the_fingerprint_tells_other_gpus_and_other_visible_ones(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    before = gpu_fingerprint(tmp_path)
    (tmp_path / "proc/driver/nvidia/gpus/0000:00:1e.0").mkdir(parents=True)
    with_gpu = gpu_fingerprint(tmp_path)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")

    assert len({before, with_gpu, gpu_fingerprint(tmp_path)}) == 3


@pytest.mark.parametrize(("number", "text"), [(12040, "12.4"), (11080, "11.8"), (13000, "13.0"), (None, None)])
def test_versions_as_people_write_them(number: int | None, text: str | None) -> None:
    assert cuda_version_text(number) == text
