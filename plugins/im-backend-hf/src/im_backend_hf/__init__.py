"""Hugging Face backend for inference-models: detection, compatibility checks, safe loading of transformers models."""
