"""What a report is written in: each module draws the same chapters and tables."""
