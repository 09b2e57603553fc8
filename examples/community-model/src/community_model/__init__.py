"""Is a picture fit for a machine to look at? Blur, exposure and contrast, over any session of inference-models."""

from __future__ import annotations

from pathlib import Path


def package_path() -> Path:
    """Return the package that comes with this distribution, for `AutoModel.from_pretrained`."""
    return Path(__file__).parent / "blur-and-exposure"
