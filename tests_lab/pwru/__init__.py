"""03a: how pwru was called, what its filter takes, and what its traces tell."""
