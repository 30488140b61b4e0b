"""A backend's processes at one setting: environment, workers, producer, their cost."""
