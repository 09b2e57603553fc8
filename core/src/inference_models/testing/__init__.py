"""Contracts that a plugin's own tests subclass, and fakes for them. Install it with `im-core[testing]`.

Names are imported when they are first used, so that `im plugins check` runs the same checks without pytest. They are
listed, once, in the stub beside this file, which type checkers and editors read too.
"""

from typing import Any

import lazy_loader

_attached, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

del lazy_loader


def __getattr__(name: str) -> Any:
    try:
        return _attached(name)
    except ModuleNotFoundError as error:
        if error.name != "pytest":
            raise
    raise ModuleNotFoundError(
        f"{__name__}.{name} needs pytest, which is not installed. Install it: pip install 'im-core[testing]'",
        name="pytest",
    )
