"""Arguments that are meant for backends: whether their values make sense, and which backends they ask for."""

from __future__ import annotations

import logging
from typing import Any

from inference_models.distributions import canonical_name
from inference_models.errors import InvalidParameterError, PluginConflictError
from inference_models.negotiation.context import Context, describe_failure
from inference_models.specs import resolve

logger = logging.getLogger(__name__)


def check_options(context: Context) -> None:
    """Let each backend look at what was given for it, also if another one is chosen then.

    A wrong value would otherwise show only where that backend is chosen, and be the reason why it is not.

    Raises:
        InvalidParameterError: a value makes no sense.
    """
    given = _given(context)
    for name in {canonical_name(row.spec.name): row.spec.name for row in context.catalog.backends()}.values():
        try:
            declared = context.backend(name)
        except PluginConflictError:  # the reason of every package for it
            continue
        own = {option: value for option, value in given.items() if option in declared.spec.session_options}
        if not own or declared.spec.check_options is None:
            continue
        try:
            resolve(declared.spec.check_options)(own, context.environment)
        except InvalidParameterError:
            raise
        except (Exception, SystemExit) as error:  # a fault of the plugin must not keep other backends from running
            logger.warning("%s cannot check the options of its backend: %s", declared.plugin, describe_failure(error))


def not_asked_for(backend: str, context: Context) -> str | None:
    """Return which options ask for other backends than this one, None when none does."""
    for option in _given(context):
        takers = {
            canonical_name(row.spec.name): row.spec.name
            for row in context.catalog.backends()
            if option in row.spec.selecting_options
        }
        if takers and canonical_name(backend) not in takers:
            return f"backend {backend!r} was not asked for ({option}= asks for {', '.join(sorted(takers.values()))})"
    return None


def _given(context: Context) -> dict[str, Any]:
    return {name: value for name, value in context.request.options.items() if value is not None}
