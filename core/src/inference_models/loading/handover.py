"""What a model's class is given when it is loaded: what it asks for of what the core offers, and the user's own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import frozen

from inference_models.errors import InvalidParameterError, ModelImplementationNotFoundError, describe_choices
from inference_models.loading.options import OPTION_NAMES
from inference_models.signatures import accepted_keywords, keep_accepted

if TYPE_CHECKING:
    from inference_models.catalog import Catalog
    from inference_models.metadata import ModelPackageMetadata
    from inference_models.negotiation import Request
    from inference_models.sessions import Session


def init_options(
    loaded: Any, offered: Mapping[str, Any], given: Mapping[str, Any], source: str, session_options: Iterable[str]
) -> dict[str, Any]:
    """Return what the core offers, as far as the class wants it, and what the user gave.

    Raises:
        InvalidParameterError: the user gave a name that nothing accepts.
    """
    accepted = accepted_keywords(loaded.from_pretrained)
    for name in given:
        if name in offered or (accepted is not None and name not in accepted):
            own = (accepted or frozenset()) - set(offered) - {"model_name_or_path", "model_dependencies"}
            choices = sorted({*own, *session_options, *OPTION_NAMES})
            raise InvalidParameterError(f"Nothing accepts {name}= for {source}. {describe_choices(name, choices)}")
    return {**keep_accepted(loaded.from_pretrained, offered), **given}


@frozen
class BoundSessionOpener:
    """Opens a package in the backend that negotiation chose, with the device and options asked for."""

    catalog: Catalog
    package: ModelPackageMetadata
    request: Request

    def __call__(self, directory: str | Path) -> Session:
        """Open the package in `directory`."""
        from inference_models.specs import resolve

        package = self.package
        declared = self.catalog.backend(package.backend)
        if declared.spec.open_session is None:
            raise ModelImplementationNotFoundError(
                f"Backend {package.backend!r} of {declared.plugin} provides no sessions, and the model's plugin asks "
                f"for one. One of the two plugins must be corrected."
            )
        options = {name: value for name, value in self.request.options.items() if name in declared.spec.session_options}
        session: Session = resolve(declared.spec.open_session)(
            Path(directory), device=self.request.device, package=package, options=options
        )
        return session
