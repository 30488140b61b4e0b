"""A run folder's facts -> its tables."""
