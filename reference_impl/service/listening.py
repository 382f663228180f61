"""The socket that the service listens on."""

from __future__ import annotations

import socket


def listen(host: str, port: int) -> socket.socket:
    """Listen; 0 takes a free port. Raises OSError, and OverflowError for what is no port.

    asyncio switches Nagle's algorithm off only where a socket says that it is TCP, which those of
    ``socket.create_server`` don't. With it each answer waits 40 ms for the client's delayed
    acknowledgement, since its head and its body are written one after the other.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(1024)
    except BaseException:
        listening.close()
        raise
    return listening
