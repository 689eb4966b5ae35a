"""A hub on this computer that speaks like Hugging Face and like ModelScope, and misbehaves when
told to. No test reaches a real one."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import socket
import sys
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from model.hub import catalogue
from model.hub.catalogue import Entry, Weights, find
from model.hub.fetch import Patience

COMMIT = "0123456789abcdef0123456789abcdef01234567"
QUICK = Patience(tries=3, pause_s=0.01, longest_pause_s=0.05, slow_s=60.0)
PIECE = 2**14


@dataclass
class Seen:
    """A request as it arrived: the file's name, or the path; and how much was sent for it."""

    name: str
    headers: Mapping[str, str]
    sent: int = 0


Fault = Callable[["Handler", "Hub", str], bool]
"""Answers in place of the hub, or returns False to let it answer."""


@dataclass
class Hub:
    """`files` are those of `entry`, by their names. `faults` are used up, one a request for the
    file; `always` stays."""

    entry: Entry
    files: dict[str, bytes]
    faults: dict[str, deque[Fault]] = field(default_factory=lambda: defaultdict(deque))
    always: dict[str, Fault] = field(default_factory=dict)
    extra: list[dict] = field(default_factory=list)
    digests: dict[str, str] = field(default_factory=dict)
    requests: list[Seen] = field(default_factory=list)
    page_items: int = 1000
    token: str = ""
    piece_s: float = 0.0
    url: str = ""
    over: threading.Event = field(default_factory=threading.Event)

    def asked(self, name: str) -> list[Seen]:
        return [seen for seen in self.requests if seen.name == name]

    @property
    def total(self) -> int:
        return sum(map(len, self.files.values()))

    def hugging_face_items(self) -> list[dict]:
        items: list[dict] = [{"type": "directory", "oid": "a" * 40, "size": 0, "path": "vae"}]
        for name, data in self.files.items():
            git = hashlib.sha1(f"blob {len(data)}\0".encode() + data).hexdigest()
            item = {"type": "file", "oid": git, "size": len(data), "path": name}
            if name.endswith(".safetensors"):
                sha256 = self.digests.get(name, hashlib.sha256(data).hexdigest())
                item["lfs"] = {"oid": sha256, "size": len(data), "pointerSize": 134}
            items.append(item)
        return items + self.extra

    def modelscope_items(self) -> list[dict]:
        return [
            {"Path": name, "Type": "blob", "Size": len(data),
             "Sha256": self.digests.get(name, hashlib.sha256(data).hexdigest())}
            for name, data in self.files.items()
        ]  # fmt: skip


class Handler(BaseHTTPRequestHandler):
    """`respond` sends a status and headers, `pour` bytes."""

    protocol_version = "HTTP/1.1"
    hub: Hub
    seen: Seen

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        with contextlib.suppress(OSError):
            self._get()

    def _get(self) -> None:
        hub, parts = self.hub, urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        repository = hub.entry.repository
        name = query.get("FilePath") or parts.path
        for revision in (COMMIT, "main"):
            if parts.path.startswith(f"/{repository}/resolve/{revision}/"):
                name = unquote(parts.path.removeprefix(f"/{repository}/resolve/{revision}/"))
        self.seen = Seen(name=name, headers=dict(self.headers.items()))
        hub.requests.append(self.seen)
        if name in hub.always and hub.always[name](self, hub, name):
            return
        if hub.faults[name] and hub.faults[name].popleft()(self, hub, name):
            return
        if hub.token and self.headers.get("Authorization") != f"Bearer {hub.token}":
            self.send(401, b"who are you?")
        elif name in hub.files:
            self.serve(hub.files[name])
        elif parts.path == f"/api/models/{repository}/revision/main":
            self.send_json({"sha": COMMIT, "id": repository, "siblings": []})
        elif parts.path in (f"/api/models/{repository}/tree/{r}" for r in (COMMIT, "main")):
            self._tree(int(query.get("cursor", "0")))
        elif parts.path == f"/api/v1/models/{repository}/repo/files":
            self.send_json(
                {"Code": 200, "Success": True, "Data": {"Files": hub.modelscope_items()}}
            )
        else:
            self.send(404, b"no such thing")

    def _tree(self, at: int) -> None:
        items = self.hub.hugging_face_items()
        after = at + self.hub.page_items
        headers = {}
        if after < len(items):
            headers["Link"] = f'<https://elsewhere.example/x?cursor={after}>; rel="next"'
        self.send_json(items[at:after], headers)

    def send_json(self, value: object, headers: Mapping[str, str] = {}) -> None:
        self.send(200, json.dumps(value).encode(), {"Content-Type": "application/json", **headers})

    def send(self, status: int, body: bytes = b"", headers: Mapping[str, str] = {}) -> None:
        self.respond(status, {"Content-Length": str(len(body)), **headers})
        self.pour(body)

    def serve(self, data: bytes, tag: str | None = None) -> None:
        """A file as it should be: ranges, and If-Range."""
        tag = f'"{hashlib.md5(data).hexdigest()}"' if tag is None else tag
        begin = self.begin(tag)
        headers = {"ETag": tag, "Content-Length": str(len(data) - begin)}
        headers["X-Repo-Commit"] = COMMIT
        if begin:
            headers["Content-Range"] = f"bytes {begin}-{len(data) - 1}/{len(data)}"
        self.respond(206 if begin else 200, headers)
        self.pour(data[begin:])

    def begin(self, tag: str = "") -> int:
        asked = self.headers.get("Range", "")
        if not asked or self.headers.get("If-Range", tag) != tag:
            return 0
        return int(asked.removeprefix("bytes=").partition("-")[0])

    def respond(self, status: int, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def pour(self, data: bytes) -> None:
        if self.command == "HEAD":
            return
        for at in range(0, len(data), PIECE):
            piece = data[at : at + PIECE]
            self.wfile.write(piece)
            self.seen.sent += len(piece)
            if self.hub.piece_s:
                time.sleep(self.hub.piece_s)

    def hang_up(self) -> None:
        self.wfile.flush()
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def serving(hub: Hub) -> Iterator[Hub]:
    handler = type("HubHandler", (Handler,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.block_on_close = False
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield hub
    finally:
        hub.over.set()
        server.shutdown()
        server.server_close()
        thread.join()


def small(name: str = "Qwen-Image-2512", weights: int = 200_000) -> tuple[Entry, dict[str, bytes]]:
    """An entry of the catalogue with small weights, and files for it: of each network two shards,
    but for the VAE."""
    entry = find(name)
    parts = tuple(dataclasses.replace(part, bytes=weights) for part in entry.weights)
    entry = dataclasses.replace(entry, weights=parts)
    files = {choices[0]: f'{{"file": "{choices[0]}"}}'.encode() for choices in entry.needed}
    files["model_index.json"] = json.dumps({"_class_name": entry.row.pipeline}).encode()
    for part in parts:
        files |= _weights(part)
    return entry, files


def _weights(part: Weights) -> dict[str, bytes]:
    def noise(seed: str, size: int) -> bytes:
        return hashlib.shake_128(seed.encode()).digest(size)

    stem = f"{part.folder}/{part.stem}"
    if part.folder == "vae":
        return {f"{stem}.safetensors": noise(stem, part.bytes)}
    names = [f"{stem}-{number:05d}-of-00002.safetensors" for number in (1, 2)]
    return {name: noise(name, part.bytes // 2) for name in names} | {part.index(): b"{}"}


def of_folder(name: str, folder: Path) -> tuple[Entry, dict[str, bytes]]:
    """An entry with the files of a real, tiny model, as if that were the published one."""
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    entry = find(name)
    weights = tuple(
        dataclasses.replace(
            part,
            bytes=sum(
                len(data)
                for name, data in files.items()
                if name.startswith(f"{part.folder}/") and name.endswith(".safetensors")
            ),
        )
        for part in entry.weights
    )
    return dataclasses.replace(entry, weights=weights), files


def offer(entry: Entry) -> None:
    """The catalogue has this entry in place of its own of that name, until the program ends."""
    catalogue.CATALOGUE = tuple(
        entry if own.name == entry.name else own for own in catalogue.CATALOGUE
    )


def models_command(name: str, folder: Path) -> list[str]:
    """The program behind the window's downloads, over a catalogue with a tiny model."""
    text = f"""
import sys
from pathlib import Path
import tests.hub as hub
from app.cli import main
hub.offer(hub.of_folder({name!r}, Path({str(folder)!r}))[0])
sys.exit(main(["models", *sys.argv[1:]]))
"""
    return [sys.executable, "-c", text]


# --- what can go wrong ------------------------------------------------------------------------


def cut(count: int) -> Fault:
    """The connection breaks after so many bytes."""

    def fault(handler: Handler, hub: Hub, name: str) -> bool:
        data = hub.files[name]
        begin = handler.begin(f'"{hashlib.md5(data).hexdigest()}"')
        headers = {"ETag": f'"{hashlib.md5(data).hexdigest()}"'}
        headers["Content-Length"] = str(len(data) - begin)
        if begin:
            headers["Content-Range"] = f"bytes {begin}-{len(data) - 1}/{len(data)}"
        handler.respond(206 if begin else 200, headers)
        handler.pour(data[begin : begin + count])
        handler.hang_up()
        return True

    return fault


def stall(seconds: float, count: int = 0) -> Fault:
    """Nothing more comes after so many bytes."""

    def fault(handler: Handler, hub: Hub, name: str) -> bool:
        data = hub.files[name]
        handler.respond(200, {"Content-Length": str(len(data))})
        handler.pour(data[:count])
        handler.wfile.flush()
        hub.over.wait(seconds)
        handler.hang_up()
        return True

    return fault


def drip(seconds: float) -> Fault:
    """Ten bytes a tenth of a second, for so long."""

    def fault(handler: Handler, hub: Hub, name: str) -> bool:
        data = hub.files[name]
        handler.respond(200, {"Content-Length": str(len(data))})
        until = time.monotonic() + seconds
        while time.monotonic() < until and not hub.over.is_set():
            handler.wfile.write(b"0123456789")
            handler.wfile.flush()
            time.sleep(0.1)
        handler.hang_up()
        return True

    return fault


def status(code: int, headers: Mapping[str, str] | None = None) -> Fault:
    def fault(handler: Handler, hub: Hub, name: str) -> bool:
        handler.send(code, b"<html>no</html>", headers or {})
        return True

    return fault


def answer(
    body: Callable[[bytes], bytes] = lambda data: data,
    code: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Fault:
    """Another body, status or header than the right one."""

    def fault(handler: Handler, hub: Hub, name: str) -> bool:
        handler.send(code, body(hub.files[name]), headers or {})
        return True

    return fault


def redirect(url: str) -> Fault:
    return status(302, {"Location": url})


def after_cut(count: int, then: Fault) -> deque[Fault]:
    """First half a file, then something worse."""
    return deque([cut(count), then])
