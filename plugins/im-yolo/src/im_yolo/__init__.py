"""The YOLO model family for inference-models, over any session."""
