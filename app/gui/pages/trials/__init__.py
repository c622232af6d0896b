"""The trials page: a frame with the matrix of faults under one tab and the scenarios under the other."""

from app.gui.pages.trials.page import TrialsPage

__all__ = ["TrialsPage"]
