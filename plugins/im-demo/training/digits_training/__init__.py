"""The pictures, the network and the files of the demo classifier, which reads handwritten digits."""

from __future__ import annotations
