"""Lab 06, Network Monitoring: its tasks' checks, and lab.yaml with points and parameters."""
