"""Watch an LLM flow think, inside a notebook cell."""
