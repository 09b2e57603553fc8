"""A plugin that keeps to its contracts. Tests install copies of it, each broken in one way."""
