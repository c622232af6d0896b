"""Data only: icons, fonts, pages, samples and help, read through importlib.resources."""
