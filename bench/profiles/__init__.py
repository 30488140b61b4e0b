"""The profiles that come with the suite."""
