"""04c: the experiment and its results."""
