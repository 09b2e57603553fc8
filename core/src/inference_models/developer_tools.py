"""The one import for authors of plugins and custom models; nothing else of the core is promised to them.

Names are imported when they are first used, so a `plugin.py` stays light. They are listed, once, in the
stub beside this file, which type checkers and editors read too.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub("inference_models", __file__)

del lazy_loader
