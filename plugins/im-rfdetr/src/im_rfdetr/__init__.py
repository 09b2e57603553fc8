"""The RF-DETR model family for inference-models: over sessions, and through transformers' classes on PyTorch."""
