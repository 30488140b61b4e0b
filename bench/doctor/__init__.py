"""Is this machine fit to measure, and does the harness leave alone what it measures?"""
