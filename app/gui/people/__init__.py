"""The parts of the page "Users": what can be done to several people at once, and one person's history."""
