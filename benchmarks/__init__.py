"""How fast the grader makes its worlds, beside its neighbours, in one interleaved run."""
