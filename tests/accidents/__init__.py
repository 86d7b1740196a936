"""Runs that are killed at random moments, and what is then left of them."""
