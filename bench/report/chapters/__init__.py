"""The parts of a report: from values and tables to texts, the same for every format."""
