"""The PostgreSQL that Crossfoot works on: embedded, or the user's own."""

from crossfoot.server.dsn import redact
from crossfoot.server.existing import Existing, open_existing
from crossfoot.server.server import Server, open_server

__all__ = ["Existing", "Server", "open_existing", "open_server", "redact"]
