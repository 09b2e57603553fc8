"""Whether a backend is honest about where it runs."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from inference_models.errors import DeviceUnavailableError, InvalidParameterError
from inference_models.specs import resolve
from inference_models.testing.checks.backend_subject import BackendSubject
from inference_models.testing.checks.findings import Finding, NotChecked

ABSENT = "cuda:99"
"""A device that no machine has."""

_DEVICE = re.compile(r"[a-z][a-z0-9_-]*(:[0-9A-Za-z._-]+)?")


def check_device(backend: BackendSubject) -> None:
    """A session says where it runs; asked for that device it opens there, and for one that is absent it refuses."""
    session = backend.session
    _examine_name(backend, session.device)
    if backend.device is not None and not _is(session.device, backend.device):
        raise Finding(
            f"Asked for {backend.device}, {backend} opens a session on {session.device}.",
            "Raise DeviceUnavailableError where a device that was asked for cannot be had.",
        )
    with_device = _opened_where_it_runs(backend, session.device)
    if with_device.device != session.device:
        raise Finding(
            f"Asked for {session.device}, where it runs by default, {backend} opens a session on {with_device.device}.",
            "Report the device that the runtime really uses, and use the one that was asked for.",
        )
    _refuses(backend, lambda: backend.open(device=ABSENT))


def _opened_where_it_runs(backend: BackendSubject, device: str) -> Any:
    try:
        return backend.open(device=device)
    except (DeviceUnavailableError, InvalidParameterError) as error:
        raise Finding(
            f"A session of {backend} says that it runs on {device}. Asked for that device, the backend refuses: "
            f"{error.message}",
            "Report the device that the runtime really uses, by the name that users ask for it with.",
        ) from None


def check_toolkit(backend: BackendSubject) -> None:
    """The toolkit of a backend is there where the backend is, and refuses a device that is absent."""
    if backend.spec.toolkit is None:
        raise NotChecked(f"{backend} hands out no toolkit")
    backend.require_available()
    make = resolve(backend.spec.toolkit)
    toolkit = make(device=backend.device, package=None, options=dict(backend.options))
    if toolkit is None:
        raise Finding(f"`toolkit` of {backend} returns None.", "Return the toolkit, or raise with the reason.")
    device = getattr(toolkit, "device", None)
    if device is not None:
        _examine_name(backend, str(device))
    _refuses(backend, lambda: make(device=ABSENT, package=None, options=dict(backend.options)))


def _examine_name(backend: BackendSubject, device: Any) -> None:
    if not isinstance(device, str) or not _DEVICE.fullmatch(device):
        raise Finding(
            f"{backend} says that it runs on {device!r}.",
            'Name the device as users do: "cpu", "cuda:0". It is the one that the runtime really uses.',
        )


def _is(device: str, asked: str) -> bool:
    return device == asked or device.startswith(f"{asked}:")


def _refuses(backend: BackendSubject, opening: Callable[[], Any]) -> None:
    try:
        opened = opening()
    except (DeviceUnavailableError, InvalidParameterError):
        return
    except NotChecked:
        raise
    except Exception as error:
        raise Finding(
            f"Asked for {ABSENT}, which no machine has, {backend} fails with {type(error).__name__}: {error}",
            "Raise DeviceUnavailableError with the reason, and what to ask for instead.",
        ) from None
    raise Finding(
        f"Asked for {ABSENT}, which no machine has, {backend} runs on {getattr(opened, 'device', 'another device')}.",
        "Raise DeviceUnavailableError: what was asked for is what runs, or there is an error that says why not.",
    )
