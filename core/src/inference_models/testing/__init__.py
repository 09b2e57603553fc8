"""Contracts that a plugin's own tests subclass, and fakes for them. Install it with `im-core[testing]`.

Names are imported when they are first used, so that `im plugins check` runs the same checks without pytest. They are
listed, once, in the stub beside this file, which type checkers and editors read too.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

del lazy_loader
