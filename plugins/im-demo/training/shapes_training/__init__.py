"""Pictures of drawn shapes, a small detector for them, and how both are measured.

Not shipped: the wheel of im-demo holds only what `export.py` writes.
"""
