"""TensorRT backend for inference-models: detection, compatibility checks, sessions, building engines."""
