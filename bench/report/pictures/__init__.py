"""SVG from plain values."""
