"""The ids of Acme's models: `line-7/defects@4` is version 4, `line-7/defects` the newest."""

from __future__ import annotations

import re
from dataclasses import dataclass

from inference_models import ModelNotFoundError

_ID = re.compile(r"(?P<name>[a-z0-9][a-z0-9-]*/[a-z0-9][a-z0-9-]*)(?:@(?P<version>[1-9][0-9]{0,8}))?")


@dataclass(frozen=True)
class AcmeId:
    """A model of Acme's, in one version.

    Attributes:
        name: the production line and the model, "line-7/defects".
        version: counted from 1; None: the newest.
    """

    name: str
    version: int | None = None

    @classmethod
    def parse(cls, text: str) -> AcmeId:
        """Read what stands behind `acme://`. Raises: ModelNotFoundError when it can be no id."""
        match = _ID.fullmatch(text)
        if match is None:
            raise ModelNotFoundError(
                f"{text!r} is no id of a model of Acme. Write line/name, or line/name@version, as in line-7/defects@4."
            )
        return cls(match["name"], None if match["version"] is None else int(match["version"]))

    def __str__(self) -> str:
        return self.name if self.version is None else f"{self.name}@{self.version}"
