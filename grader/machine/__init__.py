"""Machines: Linux kernels that sandboxes can be made on, driven through one agent."""
