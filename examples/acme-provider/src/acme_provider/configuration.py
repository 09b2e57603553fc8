"""The environment variables of this provider. Read when used, never at import."""

from __future__ import annotations

from inference_models.developer_tools import Variable

INDEX = Variable(
    name="ACME_INDEX",
    default="https://models.acme.example",
    parse=lambda text: text.rstrip("/"),
    description="Address of Acme's index of models.",
)
TOKEN = Variable[str | None](
    name="ACME_TOKEN",
    default=None,
    parse=lambda text: text or None,
    description="Token for Acme's index; each customer makes their own at https://acme.example/tokens.",
    secret=True,
)
