"""A weights provider whose models travel inside the wheel: try inference-models without a network."""

from __future__ import annotations

from pathlib import Path

__all__ = ["picture_path"]


def picture_path(name: str = "shapes") -> Path:
    """Return the path of a bundled picture.

    Args:
        name: of the picture, without its ending.

    Raises:
        FileNotFoundError: there is no such picture; the error names those there are.
    """
    pictures = Path(__file__).parent / "pictures"
    path = pictures / f"{name}.jpg"
    if not path.is_file():
        known = ", ".join(sorted(entry.stem for entry in pictures.glob("*.jpg")))
        raise FileNotFoundError(f"No bundled picture {name!r}. Known: {known}.")
    return path
