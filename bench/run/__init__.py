"""Carrying a plan out: trials, loads, rounds, resumption."""
