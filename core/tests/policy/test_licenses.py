"""Licence expressions are compared by what they mean."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_models.policy.licenses import is_covered, parse_license, read_expression

NAMES = ("MIT", "Apache-2.0", "GPL-3.0-only", "AGPL-3.0-only")


@pytest.mark.parametrize(
    ("expression", "allowed", "covered"),
    [
        ("MIT", "MIT", True),
        ("mit", "MIT", True),
        ("MIT", "Apache-2.0", False),
        ("MIT OR GPL-3.0-only", "MIT", True),
        ("GPL-3.0-only OR MIT", "MIT", True),
        ("MIT AND GPL-3.0-only", "MIT", False),
        ("MIT AND Apache-2.0", "MIT,Apache-2.0", True),
        ("MIT OR Apache-2.0 AND GPL-3.0-only", "MIT", True),
        ("(MIT OR Apache-2.0) AND GPL-3.0-only", "MIT", False),
        ("(MIT OR GPL-3.0-only) AND (Apache-2.0 OR AGPL-3.0-only)", "MIT,Apache-2.0", True),
        ("((MIT))", "MIT", True),
        ("GPL-2.0-only WITH Classpath-exception-2.0", "GPL-2.0-only", False),
        ("GPL-2.0-only WITH Classpath-exception-2.0", "GPL-2.0-only WITH Classpath-exception-2.0", True),
        ("GPL-2.0-only WITH Classpath-exception-2.0 OR MIT", "MIT", True),
        ("GPL-2.0-only", "GPL-2.0-only WITH Classpath-exception-2.0", False),
        ("GPL-2.0-or-later", "GPL-2.0-only", False),
        ("Apache-2.0+", "Apache-2.0", False),
        ("LicenseRef-Acme", "LicenseRef-Acme", True),
        ("LicenseRef-Acme OR MIT", "", False),
    ],
)
def test_what_is_covered(expression: str, allowed: str, covered: bool) -> None:
    canonical = read_expression(expression)
    assert canonical is not None
    assert is_covered(canonical, frozenset(filter(None, allowed.split(",")))) is covered


expressions = st.recursive(
    st.sampled_from(NAMES),
    lambda inner: st.tuples(st.sampled_from(("AND", "OR")), inner, inner),
    max_leaves=8,
)


def written(tree: object) -> str:
    return tree if isinstance(tree, str) else f"({written(tree[1])} {tree[0]} {written(tree[2])})"


def meant(tree: object, allowed: frozenset[str]) -> bool:
    if isinstance(tree, str):
        return tree in allowed
    return (all if tree[0] == "AND" else any)(meant(part, allowed) for part in tree[1:])


@given(expressions)
def test_every_expression_means_what_its_tree_means(tree: object) -> None:
    canonical = read_expression(written(tree))
    assert canonical is not None
    for count in range(len(NAMES) + 1):
        for chosen in itertools.combinations(NAMES, count):
            assert is_covered(canonical, frozenset(chosen)) == meant(tree, frozenset(chosen))


@given(st.lists(st.sampled_from(("AND", "OR")), min_size=1, max_size=6), st.data())
def test_and_binds_more_tightly_than_or(operators: list[str], data: st.DataObject) -> None:
    names = [data.draw(st.sampled_from(NAMES)) for _ in range(len(operators) + 1)]
    text = names[0] + "".join(f" {one} {name}" for one, name in zip(operators, names[1:], strict=True))
    allowed = frozenset(data.draw(st.sets(st.sampled_from(NAMES))))
    truth = text.replace("AND", "and").replace("OR", "or")
    for name in sorted(NAMES, key=len, reverse=True):
        truth = truth.replace(name, str(name in allowed))
    assert is_covered(text, allowed) == eval(truth)  # Python's own precedence is the same


@pytest.mark.parametrize(
    "text",
    ["", " ", "proprietary", "Apache 2.0", "MIT OR", "OR MIT", "(MIT", "MIT)", "MIT MIT", "NOASSERTION", "NONE",
     "MIT, Apache-2.0", "MIT/Apache-2.0", "WITH", "MIT WITH", "MIT AND\0", "(" * 5000 + "MIT" + ")" * 5000,
     "(" * 240 + "MIT" + ")" * 240, "MIT OR " * 100_000 + "MIT"],
)  # fmt: skip
def test_what_is_no_expression(text: str) -> None:
    canonical = read_expression(text)
    assert canonical is None or is_covered(canonical, frozenset({"MIT"}))


@pytest.mark.parametrize("text", ["MIT OR Apache-2.0", "(MIT)", "proprietary", "", "MIT AND MIT", "*"])
def test_a_list_of_licences_takes_single_ones(text: str) -> None:
    with pytest.raises(ValueError, match="single licences"):
        parse_license(text)
    assert parse_license("apache-2.0") == "Apache-2.0"
