from __future__ import annotations

import click
import pytest

from inference_models.cli.sizes import format_size, parse_size


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("1000", 1000),
        ("5GB", 5_000_000_000),
        ("5 gb", 5_000_000_000),
        ("5G", 5_000_000_000),
        ("1.5GiB", 1_610_612_736),
        ("500MB", 500_000_000),
        ("2KiB", 2048),
        ("7b", 7),
        ("1tb", 10**12),
    ],
)
def test_sizes_as_people_write_them(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "GB", "-1", "1e3", "5 XB", "1iB", "5GBs", "1,5GB", "nan", "9" * 400, "٣GB"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="5GB"):
        parse_size(text)


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (12_345, "12 kB"),
        (999_499, "999 kB"),
        (999_500, "1.0 MB"),
        (5_040_000_000, "5.0 GB"),
        (10**15, "1000 TB"),
    ],
)
def test_sizes_as_people_read_them(size: int, text: str) -> None:
    assert format_size(size) == text
