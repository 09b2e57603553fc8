"""Two models in the place of one, as far as plugins are checked."""

from __future__ import annotations


class Twice:
    @classmethod
    def with_models(cls, models):
        return cls()
