"""A small lab of two tasks: a rate limit on the wire, and a counter in the kernel."""
