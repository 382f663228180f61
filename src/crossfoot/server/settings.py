"""The settings of an embedded server, which lives for seconds and holds nothing of value."""

from __future__ import annotations

from collections.abc import Mapping

# synchronous_commit stays on: without it a server that is killed loses commits which it had
# acknowledged, and those would be findings of our own making. fsync and full_page_writes only
# matter when the machine itself goes down, and nothing of this cluster outlives that.
# autovacuum would be a third party in lock waits. A deadlock is what we often wait for, but the
# controller has to see it before PostgreSQL breaks it.
SETTINGS = {
    "autovacuum": "off",
    "checkpoint_timeout": "1h",
    "datestyle": "ISO",
    "deadlock_timeout": "40ms",
    "dynamic_shared_memory_type": "mmap",  # in the folder: removed with it, however it ends
    "fsync": "off",
    "full_page_writes": "off",
    "jit": "off",
    "lc_messages": "C",
    "listen_addresses": "127.0.0.1",
    "log_min_error_statement": "panic",
    "log_min_messages": "log",
    "log_timezone": "UTC",
    "max_connections": "300",
    "shared_buffers": "64MB",
    "synchronous_commit": "on",
    "timezone": "UTC",
}
# One round of password hashing: the password is random and long, and connections are many.
SETTINGS_SINCE = {
    15: {"log_checkpoints": "off"},
    16: {"scram_iterations": "1"},
    18: {"io_method": "sync"},
}


def as_options(major: int, place: Mapping[str, str]) -> list[str]:
    """Return command line options for ``postgres`` of that version; ``place`` is where it listens."""
    newer = [settings for since, settings in SETTINGS_SINCE.items() if major >= since]
    settings = {name: value for group in (SETTINGS, *newer, place) for name, value in group.items()}
    return [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
