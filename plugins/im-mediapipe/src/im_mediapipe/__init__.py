"""MediaPipe backend for inference-models, with face detection, object detection and image classification."""
