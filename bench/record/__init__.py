"""Facts on disk: run folders, events, locks."""
