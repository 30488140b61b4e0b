"""Skeletons of new backends and scenarios."""
