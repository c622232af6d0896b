"""The parts of the simulator page. The page puts them together."""
