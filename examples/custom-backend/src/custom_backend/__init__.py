"""OpenVINO as a backend for inference-models: an example of one that the core knows nothing of."""
