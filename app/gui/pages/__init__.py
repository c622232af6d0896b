"""One module per page. Pages do not import each other; they meet in the main window."""
