"""The repository's own files agree with each other."""

from __future__ import annotations

import re

import pytest

from inference_models.errors import DOCUMENTATION_URL
from workspace import ROOT, Distribution, distributions, examples, plugins


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


@pytest.mark.parametrize("distribution", distributions(), ids=str)
def test_links_of_what_is_published_work_anywhere(distribution: Distribution) -> None:
    """A README is the page of its distribution on a package index, where no file of the repository is near."""
    links = re.findall(r"\]\(([^)]+)\)", (distribution.directory / "README.md").read_text(encoding="utf-8"))
    assert [link for link in links if not link.startswith(("https://", "#"))] == []
    pages = [
        link.removeprefix(DOCUMENTATION_URL).partition("#")[0] for link in links if link.startswith(DOCUMENTATION_URL)
    ]
    assert [page for page in pages if not (ROOT / f"docs{page.rstrip('/') or '/index'}.md").is_file()] == []


def test_the_start_page_of_the_documentation_leads_to_every_page() -> None:
    start = ROOT / "docs/index.md"
    links = set(re.findall(r"\]\(([\w/-]+\.md)", start.read_text(encoding="utf-8")))
    pages = {path.relative_to(start.parent).as_posix() for path in start.parent.rglob("*.md")} - {start.name}
    assert links == pages


@pytest.mark.parametrize("distribution", distributions(), ids=str)
def test_every_distribution_is_on_the_list_of_what_to_install(distribution: Distribution) -> None:
    assert f"\n| `{distribution.name}` | " in (ROOT / "docs/index.md").read_text(encoding="utf-8")


def test_the_layout_names_every_distribution() -> None:
    [layout] = re.findall(r"^## Layout\n+```text\n(.*?)^```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL | re.M)
    below = {
        parent: re.findall(r"^  ([\w-]+)/", rows, re.M)
        for parent, rows in re.findall(r"^(\w+)/.*\n((?:  .*\n)*)", layout, re.M)
    }
    assert below["plugins"] == [plugin.directory.name for plugin in plugins()]
    assert below["examples"] == [example.directory.name for example in examples()]
