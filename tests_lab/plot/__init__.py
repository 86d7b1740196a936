"""04c: what plot.py draws."""
