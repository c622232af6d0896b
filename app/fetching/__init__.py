"""Fetching over the network, only from an address that somebody typed and confirmed (security.md C24).

address     the one way out: which addresses, how much, how long
metadata    the addresses that metadata comes from, looked at on a schedule
directory   a directory's whole list, page by page
"""
