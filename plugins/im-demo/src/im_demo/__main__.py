"""`python -m im_demo [name]` prints the path of a bundled picture."""

from __future__ import annotations

import sys

from im_demo import picture_path

print(picture_path(*sys.argv[1:2]))
