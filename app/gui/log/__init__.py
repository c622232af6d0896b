"""The parts of the log page: its filters and its reasons. The page puts them together."""
