"""Requirements of implementations, against what is installed here."""

from __future__ import annotations

from inference_models.environment import Environment


def test_what_is_installed_here_is_looked_up() -> None:
    environment = Environment()
    assert environment.unmet("numpy>=1.26") is None
    reason = environment.unmet("numpy<1")
    assert reason is not None
    assert reason.startswith("numpy ")
    assert reason.endswith("; to fix it: pip install 'numpy<1'")
    assert environment.unmet("no-such-distribution-anywhere>=3") == (
        "no-such-distribution-anywhere is not installed; to fix it: pip install 'no-such-distribution-anywhere>=3'"
    )
