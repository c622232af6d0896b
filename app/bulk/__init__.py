"""Much at once: many messages by several processes, and long runs that can be stopped and go on.

    workers     any work over many things, results in order, memory flat
    judging     how messages are judged, as values that another process can be sent
    folder      what became of every message in many files
    whatif      settings tried on many stored logins
    kept_rows   the finished rows of a long run in a file

Nothing is imported here, because a single message is judged by `judging` and must not wait for the rest.
"""
