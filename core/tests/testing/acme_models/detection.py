"""Whether the backend is here, and what it can run."""

from __future__ import annotations


def detect():
    return {"version": "1.0", "warnings": []}


def check(package, environment, request):
    if request.device not in {None, "cpu"}:
        return f"device {request.device!r} was asked for, and there is only the cpu"
    return None
