"""Generated submissions: right and wrong ones, and oracles that share no code with the checks."""
