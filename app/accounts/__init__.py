"""Accounts, users, seats, the just-in-time rule and staleness as values; knows no clock, disk, network or message."""
