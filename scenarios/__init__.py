"""What the work is: the task bodies (guest) and what must be true afterwards (host)."""
