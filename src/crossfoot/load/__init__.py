"""Load: what Locust's users do to a target for a while, written down and audited meanwhile.

What is imported by a locustfile (``users``) imports Locust, which replaces sockets and threads by
gevent's. The command's own process therefore never imports it, and reads locustfiles as text.
"""
