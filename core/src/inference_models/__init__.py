"""Load and run computer-vision models on the best backend this machine has.

    from inference_models import AutoModel

    model = AutoModel.from_pretrained("demo://shapes")
    predictions = model(image)

Names are imported when they are first used. They are listed, once, in the stub beside this file, which
type checkers and editors read too.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

del lazy_loader
