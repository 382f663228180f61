"""The advisory lock keys that Crossfoot uses on a server.

Keys are pairs (class, object). The classes 0x43460000 to 0x4346FFFF ("CF") are reserved for
Crossfoot; a system under test that locks there would be disturbed. This package uses two of them,
both in the maintenance database and never in a database under test:

* ``RUNS``, object = the run's id: held from its start to its end by each live run, so that another
  run's sweep leaves its databases alone.
* ``ROLES``, object = a role's oid: held (shared) by each live run that uses a role which Crossfoot
  made. Object 0 is held for a moment by whoever makes or removes roles.

Who holds a key is looked up in ``pg_locks``, which shows the whole cluster, because an advisory
lock itself is seen by those only who are connected to the same database.
"""

RUNS = 0x43460001
ROLES = 0x43460002


def signed(key: int) -> int:
    """Return a 32-bit key as the signed integer that the lock functions take."""
    return key - 2**32 if key >= 2**31 else key
