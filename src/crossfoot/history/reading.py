"""Reading histories: one file or several, line by line, with errors that name file and line."""

from __future__ import annotations

import os
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import msgspec

from crossfoot.errors import ContentError
from crossfoot.history.record import FORMAT, PLAIN_CLOCK, CallRecord, Head

NAMES = "history*.ndjson"


@dataclass
class HistoryFile:
    """One file: its first line, and after it was read what was odd about it."""

    path: Path
    head: Head
    calls: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def clock(self) -> str:
        """Return whose clock its times are of. Times of equal clocks compare."""
        return self.head.clock if self.head.clock != PLAIN_CLOCK else self.head.machine

    @property
    def whole(self) -> bool:
        """Say whether every call that was made is in the file, as far as its writer knew."""
        return self.calls == self.head.calls


@dataclass
class History:
    """What several writers noted about one run, on one machine or more."""

    files: list[HistoryFile]

    @property
    def target(self) -> str:
        """Return the name of the target that was called."""
        return self.files[0].head.target

    @property
    def clocks(self) -> list[str]:
        """Return the clocks that times are of, each once."""
        return list(dict.fromkeys(file.clock for file in self.files))

    @property
    def notes(self) -> list[str]:
        """Return what was odd, a sentence each. Complete once :meth:`calls` has run out."""
        return [note for file in self.files for note in file.notes]

    @property
    def whole(self) -> bool:
        """Say whether no call is missing. True only once :meth:`calls` has run out."""
        return all(file.whole for file in self.files)

    def calls(self, shelf: Shelf | None = None) -> Iterator[tuple[HistoryFile, CallRecord]]:
        """Yield every call with its file, file by file, in the order in which they were noted.

        A ``shelf`` takes down where each of them stands.
        """
        for file in self.files:
            lines = shelf.open(file) if shelf else array("Q")
            for call in _calls(file, lines):
                yield file, call


class Shelf:
    """Where the calls of a history stand in its files, so that some can be read again.

    Calls have the numbers in which they were first read, from 0. The files are open as long as a ``with``
    statement lasts, also for processes that are forked meanwhile.
    """

    def __init__(self) -> None:
        self._files: list[tuple[HistoryFile, IO[bytes], array[int]]] = []
        self._firsts: list[int] = []
        self._decode = msgspec.json.Decoder(CallRecord).decode

    def __enter__(self) -> Shelf:
        return self

    def __exit__(self, *error: object) -> None:
        for _, opened, _ in self._files:
            opened.close()

    def open(self, file: HistoryFile) -> array[int]:
        """Return where the ends of a file's lines are to be written down, its first line's too."""
        self._firsts.append(sum(len(ends) - 1 for _, _, ends in self._files))
        self._files.append((file, file.path.open("rb"), array("Q")))
        return self._files[-1][2]

    def __getitem__(self, number: int) -> tuple[HistoryFile, CallRecord]:
        """Return a call with its file."""
        at = bisect_right(self._firsts, number) - 1
        file, opened, ends = self._files[at]
        line = number - self._firsts[at]
        begin, end = ends[line], ends[line + 1]
        return file, self._decode(os.pread(opened.fileno(), end - begin, begin))


def open_history(paths: Iterable[Path]) -> History:
    """Read the first lines of these files, or of the ``history*.ndjson`` in these folders.

    Raises ContentError for what is no history, and for histories of different targets.
    """
    found = [file for path in paths for file in _files(path)]
    files = [HistoryFile(path, _head(path)) for path in dict.fromkeys(found)]
    if not files:
        raise ContentError("no history given", remedy="Give a history.ndjson, or a run's folder.")
    for file in files[1:]:
        if file.head.target != files[0].head.target:
            raise ContentError(
                f"{file.path}: is about {file.head.target}, {files[0].path} about"
                f" {files[0].head.target}",
                remedy="Check the histories of one run together, others on their own.",
            )
    return History(files)


def _files(path: Path) -> Sequence[Path]:
    if not path.is_dir():
        return [path]
    found = sorted(path.glob(NAMES))
    if not found:
        raise ContentError(f"{path}: no {NAMES} in this folder")
    return found


def _head(path: Path) -> Head:
    try:
        with path.open("rb") as lines:
            first = lines.readline()
    except OSError as error:
        raise ContentError(f"{path}: {error.strerror}") from error
    try:
        head = msgspec.json.decode(first, type=Head)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ContentError(
            f"{path}:1: not the first line of a history: {error}",
            remedy="reports/HISTORY.md says what a history looks like.",
        ) from error
    if head.crossfoot_history != FORMAT:
        raise ContentError(
            f"{path}:1: format {head.crossfoot_history}; this Crossfoot reads {FORMAT}"
        )
    return head


def _calls(file: HistoryFile, ends: array[int]) -> Iterator[CallRecord]:
    """Yield the calls of a file, and note where its lines end, and if the end of the file is missing."""
    decode = msgspec.json.Decoder(CallRecord).decode
    file.calls = 0
    file.notes.clear()
    with file.path.open("rb") as lines:
        ends.append(len(lines.readline()))
        for number, line in enumerate(lines, start=2):
            try:
                call = decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                if line.endswith(b"\n"):
                    raise ContentError(f"{file.path}:{number}: not a call: {error}") from error
                file.notes.append(f"{file.path.name}: line {number} is cut off and was left out")
                break
            file.calls += 1
            ends.append(ends[-1] + len(line))
            yield call
    if file.head.calls < 0:
        file.notes.append(
            f"{file.path.name}: its writer was stopped before it was done; calls may be missing"
        )
    elif not file.whole:
        file.notes.append(
            f"{file.path.name}: {file.calls} calls, though its first line says {file.head.calls}"
        )
