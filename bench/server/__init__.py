"""The Redis that is measured on, and its counters."""
