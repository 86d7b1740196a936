"""01c: what is sent to see whose TTL a rule sets."""
