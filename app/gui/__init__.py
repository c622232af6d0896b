"""The window: everything that imports Qt, and nothing else. Pages render frozen values and send intents."""
