"""ONNX Runtime backend for inference-models: detection, compatibility checks, sessions."""
