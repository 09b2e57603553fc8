"""Acme's models for inference-models: `AutoModel.from_pretrained("acme://line-7/defects@4")`."""
