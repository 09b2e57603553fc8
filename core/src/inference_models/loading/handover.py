"""What a model's class is given when it is loaded: what it asks for of what the core offers, and the user's own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from inference_models.errors import InvalidParameterError, ModelImplementationNotFoundError, describe_choices
from inference_models.loading.options import OPTION_NAMES
from inference_models.signatures import accepted_keywords, first_parameter, keep_accepted

if TYPE_CHECKING:
    from inference_models.catalog import Catalog
    from inference_models.metadata import ModelPackageMetadata
    from inference_models.negotiation import Request
    from inference_models.sessions import Session


def stated(of: Any, name: str) -> Any:
    """Return an attribute for a report; None when it cannot be had. A report must not end a load that succeeds."""
    with suppress(Exception):
        return getattr(of, name, None)
    return None


def init_options(
    loaded: Any, offered: Mapping[str, Any], given: Mapping[str, Any], source: str, session_options: Iterable[str]
) -> dict[str, Any]:
    """Return what the core offers, as far as the class wants it, and what the user gave.

    An offer of None reaches only a class that names it: `**kwargs` alone does not ask for it.

    Raises:
        InvalidParameterError: the user gave a name that nothing accepts.
    """
    accepted = accepted_keywords(loaded.from_pretrained)
    filled = {*offered, first_parameter(loaded.from_pretrained)}  # by us
    for name in given:
        if name in filled or (accepted is not None and name not in accepted):
            if name == "model_type":
                raise InvalidParameterError(
                    f"model_type= says what a single file is, a training checkpoint. What loads {source} does not take "
                    f"it; leave it out."
                )
            choices = sorted(
                {*((accepted or frozenset()) - filled - {"model_dependencies"}), *session_options, *OPTION_NAMES}
            )
            raise InvalidParameterError(f"Nothing accepts {name}= for {source}. {describe_choices(name, choices)}")
    return {**keep_accepted(loaded.from_pretrained, offered), **given}


@frozen
class Report:
    """What a session or toolkit says that it got.

    Attributes:
        device: the device it really runs on; None: it does not say.
        runtime: execution providers, versions and the like.
    """

    device: str | None
    runtime: Mapping[str, object]

    @classmethod
    def of(cls, opened: Any) -> Report:
        """Return what it says, as a copy: a session would live as long as whoever holds it."""
        device, runtime = stated(opened, "device"), stated(opened, "runtime")
        return cls(device if isinstance(device, str) else None, dict(runtime) if isinstance(runtime, Mapping) else {})


@frozen
class BoundBackend:
    """The backend that negotiation chose for a package, with the device and options asked for.

    `reports` says what each session and toolkit got that was opened through this.
    """

    catalog: Catalog
    package: ModelPackageMetadata
    request: Request
    reports: list[Report] = field(factory=list, eq=False, repr=False)

    def open_session(self, directory: str | Path) -> Session:
        """Open the package in `directory`."""
        open_session = self._provided("open_session", "sessions, and the model's plugin asks for one")
        session: Session = open_session(Path(directory), **self._context())
        self.reports.append(Report.of(session))
        return session

    def make_toolkit(self) -> Any:
        """Return what the backend hands to implementations that own their network."""
        toolkit = self._provided("toolkit", "toolkit, and the model's plugin asks for one")(**self._context())
        self.reports.append(Report.of(toolkit))
        return toolkit

    def _provided(self, name: str, what: str) -> Any:
        from inference_models.specs import resolve

        declared = self.catalog.backend(self.package.backend)
        target = getattr(declared.spec, name)
        if target is None:
            raise ModelImplementationNotFoundError(
                f"Backend {self.package.backend!r} of {declared.plugin} provides no {what}. One of the two plugins "
                f"must be corrected."
            )
        return resolve(target)

    def _context(self) -> dict[str, Any]:
        names = self.catalog.backend(self.package.backend).spec.session_options
        options = {name: value for name, value in self.request.options.items() if name in names}
        return {"device": self.request.device, "package": self.package, "options": options}
