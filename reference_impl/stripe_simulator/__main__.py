"""``python -m stripe_simulator``: serve until interrupted, and say where."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Sequence

from .simulator import Simulator


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the URL on standard output and the seed on standard error; serve until a signal."""
    parser = argparse.ArgumentParser(prog="stripe_simulator", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 (the default) takes a free one")
    parser.add_argument("--seed", type=int, help="decides over ids, shuffles and faults")
    parser.add_argument("--latency", type=float, default=0.002, help="seconds before an effect")
    given = parser.parse_args(arguments)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with Simulator(given.seed, port=given.port, latency=given.latency) as simulator:
        print(simulator.url, flush=True)
        print(f"seed {simulator.seed}", file=sys.stderr, flush=True)
        # Waiting without end can't be interrupted on every system.
        while not stop.wait(0.5):
            pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
