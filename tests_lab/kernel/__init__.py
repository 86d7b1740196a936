"""03b, and 03a's traces: a DNS query's way through the kernel, whatever its version."""
