"""ResNet and ViT image classification for inference-models, and the pipeline detect-and-classify."""
