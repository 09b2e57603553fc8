"""A small Florence-2 that looks at drawn shapes: its pictures, its tokenizer, its network."""
