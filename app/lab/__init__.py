"""The lab: the simulator and our service provider wired on loopback, and how a browser walks through them.

Public names, and their homes:

    Lab, sentence_of                            lab
    LabError, LoginOutcome, Flow                visiting
    browser, forms, redirects                   browserless
    a login edited before it is sent            edited_login
    a test of the saved settings in one click   rehearsal
    the inspector's sample                      sample

Behind them: `consent` keeps logins that wait for somebody's word, `witness` what our service provider decided.
"""

from __future__ import annotations

from app.lab.lab import Lab, sentence_of
from app.lab.visiting import Flow, LabError, LoginOutcome

__all__ = ["Flow", "Lab", "LabError", "LoginOutcome", "sentence_of"]
