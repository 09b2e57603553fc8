"""The reference page of policies shows every key, in the order of the code, with its own description."""

from __future__ import annotations

import re
import tomllib

from inference_models.policy import RULES
from inference_models.policy.rules import parse_rules
from workspace import ROOT

PAGE = (ROOT / "docs/reference/policy.md").read_text(encoding="utf-8")


def test_every_key_has_its_section() -> None:
    parts = re.split(r"^### `([a-z_.]+)`$", PAGE, flags=re.MULTILINE)
    documented = dict(zip(parts[1::2], parts[2::2], strict=True))
    assert list(documented) == [rule.key for rule in RULES], "the same keys in the order of RULES"
    missing = [rule.key for rule in RULES if rule.description not in " ".join(documented[rule.key].split())]
    assert missing == [], "the page carries the key's own description"


def test_the_example_states_every_key_and_can_be_used() -> None:
    [example] = re.findall(r"^```toml\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)
    document = tomllib.loads(example)
    values = {f"{section}.{name}": value for section, content in document.items() for name, value in content.items()}
    assert list(parse_rules(values).stated()) == [rule.key for rule in RULES]
