"""The place of an unfinished file."""

from __future__ import annotations

from pathlib import Path

import pytest

from inference_models.download.partial import Partial, Source


def begun(destination: Path) -> Partial:
    partial = Partial(destination)
    attempt = partial.begin(Source(url="https://host/weights", size=3, etag='"1"'))
    with attempt.path.open("r+b", buffering=0) as file:
        attempt.write(file, 0, b"abc")
    return partial


@pytest.mark.parametrize("keep", [True, False])
def test_closing_it_again_takes_nothing_from_who_has_it_now(tmp_path: Path, keep: bool) -> None:
    destination = tmp_path / "weights.onnx"
    first = begun(destination)
    first.publish(destination)
    first.close(keep=False)
    destination.unlink()

    second = begun(destination)
    first.close(keep=keep)
    second.publish(destination)
    second.close(keep=False)

    assert destination.read_bytes() == b"abc"
    assert [path.name for path in tmp_path.iterdir()] == ["weights.onnx"]
