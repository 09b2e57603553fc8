"""Florence-2 for inference-models: captions, boxes, masks and text from one vision-language model."""
