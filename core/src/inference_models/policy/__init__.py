"""What whoever runs this library allows at all: rules in a file that no argument and no other variable can loosen.

A rule forbids or it does nothing; what no rule forbids is left to the arguments. The rules bind settings, mistakes and
what comes from elsewhere. They do not bind code that runs in this process, which could change anything.
"""

from __future__ import annotations

from inference_models.policy.origins import OriginPattern
from inference_models.policy.policy import Policy
from inference_models.policy.reading import current_policy, read_policy
from inference_models.policy.rules import RULES, Rule, Rules

__all__ = ["RULES", "OriginPattern", "Policy", "Rule", "Rules", "current_policy", "read_policy"]
