"""A way to cut the service off from its database, also before it hears of a commit, and to let it back."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

# A commit that takes as long as there is a row, for whoever wants to break the connection meanwhile.
COMMITTING = """
select count(*) from pg_stat_activity
where datname = current_database() and wait_event = 'PgSleep'
"""
SLOW_ANSWER = """
create table license_billing.held as select true;
create function license_billing.wait() returns trigger language plpgsql security definer as $$
begin
    while exists (select from license_billing.held) loop
        perform pg_sleep(0.01);
    end loop;
    return null;
end $$;
create constraint trigger wait after insert on license_billing.credit_entries
deferrable initially deferred for each row execute function license_billing.wait();
"""
RELEASED = "delete from license_billing.held"


class Gate:
    """A loopback address before PostgreSQL that can be shut: the database is gone then."""

    def __init__(self, dsn: str) -> None:
        place = urlsplit(dsn)
        self._behind = (place.hostname, place.port)
        self._open = True
        self._sockets: set[socket.socket] = set()
        self._listening = socket.create_server(("127.0.0.1", 0))
        port = self._listening.getsockname()[1]
        login = place.netloc.rpartition("@")[0]
        through = place._replace(netloc=f"{login}@127.0.0.1:{port}", query="sslmode=disable")
        self.dsn = through.geturl()
        threading.Thread(target=self._accept, daemon=True).start()

    def shut(self) -> None:
        """Break every connection, and every new one."""
        self._open = False
        for each in list(self._sockets):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def open(self) -> None:
        """Let connections through again."""
        self._open = True

    def close(self) -> None:
        self.shut()
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listening.accept()
            except OSError:
                return
            if not self._open:
                near.close()
                continue
            far = socket.create_connection(self._behind)
            self._sockets |= {near, far}
            for pair in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=pair, daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        for each in (source, target):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
            self._sockets.discard(each)


@contextmanager
def gate_before(dsn: str) -> Iterator[Gate]:
    gate = Gate(dsn)
    try:
        yield gate
    finally:
        gate.close()
