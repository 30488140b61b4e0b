"""Pure functions of recorded events and stored facts: every number in every report."""
