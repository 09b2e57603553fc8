"""Which package to load: metadata x catalog x environment x request -> plan. Pure, no I/O."""

from __future__ import annotations

from inference_models.negotiation.plan import Plan, Verdict, negotiate
from inference_models.negotiation.request import Request, make_request

__all__ = ["Plan", "Request", "Verdict", "make_request", "negotiate"]
