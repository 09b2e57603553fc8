"""The repository's own files agree with each other."""

from __future__ import annotations

import re

import pytest

from workspace import ROOT, Distribution, distributions, examples


def test_commits_are_checked_by_the_tools_that_checks_use() -> None:
    config = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    pins = dict(re.findall(r"^([\w-]+)==([\w.]+)$", (ROOT / "constraints.txt").read_text("utf-8"), re.MULTILINE))
    assert set(re.findall(r"ruff==([\w.]+)", config)) == {pins["ruff"]}


@pytest.mark.parametrize("distribution", [*distributions(), *examples()], ids=str)
def test_every_distribution_carries_the_licence(distribution: Distribution) -> None:
    assert (distribution.directory / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


@pytest.mark.parametrize("path", ["CONTRIBUTING.md", "SECURITY.md", "README.md"])
def test_links_between_the_repository_s_pages_lead_somewhere(path: str) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", (ROOT / path).read_text(encoding="utf-8"))
    assert [link for link in links if not (ROOT / link).exists()] == []
