"""The parts of the page "Stale users": importing a list, the lists that were imported, and what a clean-up leaves."""
