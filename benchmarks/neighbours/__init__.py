"""Programs that run under a neighbour's Python: lines up, check, down come in, done goes out."""
