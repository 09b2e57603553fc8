"""PyTorch and TorchScript backends for inference-models: detection, compatibility checks, sessions, safe loading."""
