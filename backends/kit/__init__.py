"""What runs inside a backend's interpreter: recorder, settings, producer. Standard library only."""
