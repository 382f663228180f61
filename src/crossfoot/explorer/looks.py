"""What one session's transaction has touched so far, as looks at its counters tell."""

from __future__ import annotations

from crossfoot.explorer.footprint import EVERYTHING, NOTHING, Footprint, Touched, Watch
from crossfoot.explorer.rows import Rows, RowsOf


class Looks:
    """The looks at one session's transactions: at each step, and between its statements.

    ``watch`` is what is counted; nothing where that wouldn't tell all. ``last`` is what the last look
    saw, ``base`` where the counters of the transaction began; None if that isn't known. ``wanted`` says
    that somebody has to know what the next move touches. ``rollbacks`` counts how often the session
    went back to a savepoint.
    """

    def __init__(self) -> None:
        self.watch: Watch = NOTHING
        self.base: Touched | None = None
        self.last: Touched | None = None
        self.wanted = True
        self.rollbacks = 0
        self._locked: frozenset[int] = frozenset()  # tables in which the transaction locked rows
        self._settled: Touched | None = None  # the look up to which that is known
        self._unsettled: frozenset[int] = frozenset()  # tables in which it may have since
        self._begun = False  # and nobody has looked since
        self._undone = False  # whether it went back to a savepoint since its last move
        self._rows: dict[
            int, frozenset[Rows]
        ] = {}  # that the transaction may have touched, by table
        self._anywhere: frozenset[int] | None = (
            frozenset()
        )  # tables of which it may have touched all

    @property
    def counts(self) -> bool:
        """Say whether anything is counted, so that a look tells something."""
        return bool(self.watch.tables)

    @property
    def untouched(self) -> bool:
        """Say whether the transaction has touched nothing at all, as far as is known."""
        if not (self.counts and self.base and self.last):
            return False
        return self.base.counters == self.last.counters

    def begin(self) -> None:
        """Begin a transaction; the next look is where its counters begin."""
        self.base = self.last = None
        self._locked = self._unsettled = frozenset()
        self._settled = None
        self._rows, self._anywhere = {}, frozenset()
        self._begun, self._undone = True, False

    def note(self, seen: Touched) -> None:
        """Remember what a look saw."""
        if self.last and seen.moment != self.last.moment + 1:
            self._undone = True
            self.rollbacks += 1
        self.last = seen
        if self._begun:
            self.base, self._begun = seen, False

    def forget(self) -> None:
        """Forget the last look: its counters may begin anew before the next one."""
        self.last = None

    def moved(
        self,
        before: Touched | None,
        lockable: frozenset[int],
        rows: RowsOf | None = None,
        *,
        released: bool,
    ) -> Footprint:
        """Return what a move touched, ``before`` which the transaction had touched that much.

        In the tables ``lockable`` the statement may have locked rows that it read. ``rows`` are all that
        it may have touched, None if nobody can tell. ``released`` says that it may have given up locks,
        which it does by going back to a savepoint.
        """
        undone, self._undone = self._undone, False
        self._note_rows(before, rows)
        if not (self.counts and self.wanted):
            self._unsettled |= lockable
            return EVERYTHING
        before = before or self.base
        self._settle(before)
        # A scan of a table in which it has locked rows may lock more.
        found = self.watch.footprint(self.base, before, self.last, lockable | self._locked)
        self._locked |= found.writes
        self._settled = self.last
        if released and undone:
            return found.with_writes_of(self.ended(failed=True))
        return found.of_rows(rows or {})

    def _note_rows(self, before: Touched | None, rows: RowsOf | None) -> None:
        """Remember which rows a move may have touched."""
        if rows is not None:
            for table, some in rows.items():
                self._rows[table] = self._rows.get(table, frozenset()) | some
        elif self.counts and self._anywhere is not None:
            seen = self.last is not (before or self.base)
            found = self.watch.footprint(self.base, before or self.base, self.last)
            self._anywhere = None if found.unknown or not seen else self._anywhere | found.touched

    def _settle(self, upto: Touched | None) -> None:
        """Judge what was locked in moves of which nobody wanted to know."""
        if self._unsettled:
            lockable = self._unsettled | self._locked
            since = self._settled or self.base
            self._locked |= self.watch.footprint(self.base, since, upto, lockable).writes
            self._unsettled = frozenset()

    def ended(self, *, failed: bool) -> Footprint:
        """Return what the end of the transaction shows to others: all that was written or locked.

        Of one that ``failed`` any row that was read may have been locked.
        """
        if not self.counts:
            return EVERYTHING
        whole = self.watch.footprint(self.base, self.base, self.last)
        if whole.unknown:
            return whole
        found = Footprint(writes=whole.writes | (whole.reads if failed else self._locked))
        if self._anywhere is None:
            return found
        known = {table: rows for table, rows in self._rows.items() if table not in self._anywhere}
        return found.of_rows(known)

    def failed(self, before: Touched | None) -> None:
        """Judge a look that came after the transaction had failed.

        It tells nothing if nothing was touched, or if the server has begun to count anew.
        """
        if not (before and self.last and (before.counters or self.last.counters)):
            self.last = None
