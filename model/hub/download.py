"""A whole model: asks what there is, fetches several files at once, and gives the folder its name.

Until everything is proved the files lie in `.downloads/NAME` beside the models, where no list of
models looks. Whoever stops or kills it goes on from there.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from model.checkpoint.strict_json import read_object
from model.errors import HubError, Stopped
from model.hub.catalogue import Entry, gigabytes
from model.hub.endpoints import Endpoint, Listed, Listing
from model.hub.fetch import Patience, Source, fetch
from model.hub.local import is_complete, partial_folder
from model.hub.parts import AT_ONCE, PART, Part, write_error
from model.hub.web import Interrupted
from model.locks import Held, lock
from model.system import sync_folder

RESERVE = 1.1
"""Of the bytes still to come, so much must be free."""
REPORT_S = 0.25
ASK_TRIES = 3
SPEED_S = 10.0
FAREWELL_S = 2.0
INDEX = "model_index.json"
RECORD = "inkstone-download.json"
RECORD_VERSION = 1


class Stage(StrEnum):
    asking = "asking"
    checking = "checking"
    loading = "loading"


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Bytes that are proved or have arrived, of all. No speed: it is not known yet."""

    stage: Stage
    done: int = 0
    total: int = 0
    bytes_per_s: float | None = None
    seconds_left: float | None = None


OnProgress = Callable[[Progress], None]
ShouldStop = Callable[[], bool]


def download(
    entry: Entry,
    endpoint: Endpoint,
    folder: Path,
    on_progress: OnProgress = lambda progress: None,
    should_stop: ShouldStop = lambda: False,
    patience: Patience | None = None,
) -> Path:
    """Bring a model into `folder`, under its name; the path. Where it is already, nothing is done.

    Raises HubError, and Stopped soon after `should_stop` says yes; what has arrived is kept.
    """
    patience = patience or Patience()
    target = folder / entry.name
    if target.exists():
        if is_complete(target, entry):
            return target
        raise HubError(
            f"{target} exists and is not the whole of {entry.name}; move it away, or choose "
            "another folder"
        )
    place = partial_folder(folder, entry)
    try:
        place.mkdir(parents=True, exist_ok=True)
        with lock(_lock_of(place)):
            on_progress(Progress(stage=Stage.asking))
            listing = _ask(entry, endpoint, patience, should_stop)
            files = entry.select(listing.files, endpoint.web.host)
            _check_room(place, files)
            work = _Work(entry, endpoint, listing.revision, place, files, patience)
            work.run(on_progress, should_stop)
            _settle(place, target, endpoint, listing, files)
        _tidy(place)
    except Held:
        raise HubError(f"{entry.name} is being downloaded by another program") from None
    except OSError as error:
        raise write_error(target, error) from None
    return target


def discard(entry: Entry, folder: Path) -> None:
    """Delete what has arrived of a model that is not complete. HubError while it is coming."""
    place = partial_folder(folder, entry)
    if not place.exists():
        return
    try:
        with lock(_lock_of(place)):
            shutil.rmtree(place)
        _tidy(place)
    except Held:
        raise HubError(f"{entry.name} is being downloaded by another program") from None
    except OSError as error:
        raise HubError(f"{place} cannot be deleted: {error.strerror}") from None


def _ask(entry: Entry, endpoint: Endpoint, patience: Patience, should_stop: ShouldStop) -> Listing:
    """The hub's list of files, asked for more than once where the connection fails."""
    problem = ""
    for tried in range(ASK_TRIES):
        try:
            return endpoint.list(entry)
        except Interrupted as error:
            problem = str(error)
        until = time.monotonic() + min(patience.pause_s * 2**tried, patience.longest_pause_s)
        while tried + 1 < ASK_TRIES and time.monotonic() < until:
            if should_stop():
                raise Stopped
            time.sleep(min(REPORT_S, max(0.0, until - time.monotonic())))
    raise HubError(f"{problem}; check the connection, or try another source")


def _check_room(place: Path, files: Mapping[str, Listed]) -> None:
    missing = sum(file.size for file in files.values()) - _arrived(place, files)
    free = shutil.disk_usage(place).free
    if free < missing * RESERVE:
        raise HubError(
            f"the disk of {place.parents[1]} has {gigabytes(free)} free, and "
            f"{gigabytes(missing * RESERVE)} are needed; make room, or choose another folder"
        )


def _arrived(place: Path, files: Mapping[str, Listed]) -> int:
    return sum(_size(place / name) or _size(place / (name + PART)) for name in files)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


@dataclass
class _Work:
    """The files of one model, fetched by a few threads."""

    entry: Entry
    endpoint: Endpoint
    revision: str
    place: Path
    files: Mapping[str, Listed]
    patience: Patience
    _stop: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _done: int = 0
    _checking: int = 0
    _errors: list[BaseException] = field(default_factory=list)

    def run(self, on_progress: OnProgress, should_stop: ShouldStop) -> None:
        """Until every file has its name. The threads are daemons: one that waits for a silent hub
        is left behind, and writes nothing any more."""
        waiting = deque(sorted(self.files, key=lambda name: self.files[name].size))
        threads = [
            threading.Thread(target=self._fetch_all, args=(waiting,), daemon=True)
            for _ in range(min(AT_ONCE, len(waiting)))
        ]
        meter = _Meter(sum(file.size for file in self.files.values()))
        for thread in threads:
            thread.start()
        try:
            while any(thread.is_alive() for thread in threads) and not self._stop.is_set():
                on_progress(meter.read(self._done, is_checking=self._checking > 0))
                if should_stop():
                    raise Stopped
                self._stop.wait(REPORT_S)
        finally:
            self._stop.set()
            until = time.monotonic() + FAREWELL_S
            for thread in threads:
                thread.join(max(0.0, until - time.monotonic()))
        if self._errors:
            raise self._errors[0]
        on_progress(meter.read(self._done, is_checking=False))

    def _fetch_all(self, waiting: deque[str]) -> None:
        try:
            while not self._stop.is_set():
                try:
                    name = waiting.popleft()
                except IndexError:
                    return
                self._fetch(name)
        except Stopped:
            return
        except BaseException as error:
            self._errors.append(error)
            self._stop.set()

    def _fetch(self, name: str) -> None:
        listed, target = self.files[name], self.place / name
        part = Part(target, listed)
        if part.is_proved():
            self._count(listed.size)
        else:
            target.unlink(missing_ok=True)
            self._bring(part, name)
        if name == INDEX:
            _check_index(target, self.entry, self.endpoint.web.host)

    def _bring(self, part: Part, name: str) -> None:
        with part:
            with self._at_check():
                part.resume(lambda count: self._halt())
            self._count(part.at)
            source = Source(
                endpoint=self.endpoint, entry=self.entry, revision=self.revision, name=name
            )
            fetch(source, part, self.patience, self._stop, self._count)

    def _count(self, count: int) -> None:
        with self._lock:
            self._done += count

    def _halt(self) -> None:
        if self._stop.is_set():
            raise Stopped

    @contextlib.contextmanager
    def _at_check(self) -> Iterator[None]:
        with self._lock:
            self._checking += 1
        try:
            yield
        finally:
            with self._lock:
                self._checking -= 1


def _check_index(path: Path, entry: Entry, host: str) -> None:
    """What comes is the kind of model that was asked for: said before the large files are here."""
    found = read_object(path).get("_class_name")
    if found != entry.row.pipeline:
        raise HubError(
            f"{host} has another model under the name of {entry.name}: its {INDEX} says "
            f"{str(found)[:80]!r}, and {entry.row.pipeline} was expected"
        )


class _Meter:
    """Speed over the last seconds, and what follows from it."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._seen: deque[tuple[float, int]] = deque()

    def read(self, done: int, *, is_checking: bool) -> Progress:
        now = time.monotonic()
        if is_checking:  # bytes that were here already are no speed
            self._seen.clear()
            return Progress(stage=Stage.checking, done=done, total=self._total)
        self._seen.append((now, done))
        while now - self._seen[0][0] > SPEED_S:
            self._seen.popleft()
        since, before = self._seen[0]
        speed = None
        if now - since >= 1.0:
            speed = max(0.0, (done - before) / (now - since))
        left = (self._total - done) / speed if speed else None
        return Progress(
            stage=Stage.loading, done=done, total=self._total, bytes_per_s=speed, seconds_left=left
        )


def _settle(
    place: Path, target: Path, endpoint: Endpoint, listing: Listing, files: Mapping[str, Listed]
) -> None:
    """Everything is proved: say where it is from, leave nothing else, and give it its name."""
    for path in sorted(place.rglob("*")):
        name = path.relative_to(place).as_posix()
        if path.is_file() and name not in files:  # of an earlier state of the repository
            path.unlink()
    record = {
        "version": RECORD_VERSION,
        "source": endpoint.web.url,
        "revision": listing.revision,
        "files": {name: {"size": f.size, "digest": f.digest} for name, f in files.items()},
    }
    with (place / RECORD).open("w", encoding="utf-8") as file:
        json.dump(record, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    sync_folder(place)
    os.rename(place, target)
    sync_folder(target.parent)


def _lock_of(place: Path) -> Path:
    return place.with_name(f"{place.name}.lock")


def _tidy(place: Path) -> None:
    """After the last of a place, nothing is left of it."""
    with contextlib.suppress(OSError):
        _lock_of(place).unlink(missing_ok=True)
        place.parent.rmdir()
