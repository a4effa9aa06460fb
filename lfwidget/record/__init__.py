"""A run as something to keep: a picture, a fragment of a page."""
