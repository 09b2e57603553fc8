"""A weights provider whose models travel inside the wheel: try inference-models without a network."""
