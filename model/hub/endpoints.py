"""Where models are got from: Hugging Face, ModelScope, or a mirror that speaks like one of them.

A listing gives sizes and hashes; no name of it becomes a path (`catalogue` builds those).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from model.checkpoint.strict_json import parse_value
from model.errors import CheckpointError, HubError
from model.hub.catalogue import Entry
from model.hub.web import LOOPBACK, Answer, Web

HUGGING_FACE, MODELSCOPE = "huggingface", "modelscope"
URLS = {HUGGING_FACE: "https://huggingface.co", MODELSCOPE: "https://modelscope.cn"}
TOKENS = {HUGGING_FACE: "HF_TOKEN", MODELSCOPE: "MODELSCOPE_API_TOKEN"}
"""Environment variables whose value is for the hub of that name and for no mirror."""

MAX_LISTING_BYTES = 8 * 2**20
MAX_PAGES = 20
_COMMIT = re.compile(r"[0-9a-f]{40}")
_HASHES = {"sha256": re.compile(r"[0-9a-f]{64}"), "git-sha1": re.compile(r"[0-9a-f]{40}")}


class Hash(Protocol):
    def update(self, data: bytes | memoryview, /) -> None: ...
    def hexdigest(self) -> str: ...
    def copy(self) -> Hash: ...


@dataclass(frozen=True, kw_only=True)
class Listed:
    """A file as the hub lists it. `digest` is `sha256:…`, or `git-sha1:…` of a small one."""

    size: int
    digest: str

    def __post_init__(self) -> None:
        kind, _, value = self.digest.partition(":")
        if kind not in _HASHES or not _HASHES[kind].fullmatch(value):
            raise HubError(f"the hub lists {value[:80]!r}, which is no hash")
        if isinstance(self.size, bool) or not isinstance(self.size, int) or self.size < 0:
            raise HubError(f"the hub lists {str(self.size)[:80]!r}, which is no size")

    def hash(self) -> Hash:
        """A new one of the digest's kind, ready for the first byte."""
        if self.digest.startswith("sha256:"):
            return hashlib.sha256()
        return hashlib.sha1(f"blob {self.size}\0".encode(), usedforsecurity=False)

    def is_proved_by(self, hash: Hash) -> bool:
        return self.digest.partition(":")[2] == hash.hexdigest()


@dataclass(frozen=True, kw_only=True)
class Listing:
    """The files of a repository as they were at `revision`."""

    revision: str
    files: Mapping[str, Listed]


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """A hub and how it speaks."""

    dialect: str
    web: Web

    def list(self, entry: Entry) -> Listing:
        """Every file of the entry's repository. Raises Interrupted, HubError."""
        if self.dialect == MODELSCOPE:
            return self._list_modelscope(entry)
        return self._list_hugging_face(entry)

    def path(self, entry: Entry, revision: str, name: str) -> str:
        """Where the hub has a file, behind its own address."""
        if self.dialect == MODELSCOPE:
            query = urlencode({"Revision": revision, "FilePath": name})
            return f"/api/v1/models/{entry.repository}/repo?{query}"
        return f"/{entry.repository}/resolve/{revision}/{quote(name)}"

    def page(self, entry: Entry) -> str:
        """What a person may read about it."""
        models = "/models" if self.dialect == MODELSCOPE else ""
        return f"{self.web.url}{models}/{entry.repository}"

    # --- Hugging Face ---

    def _list_hugging_face(self, entry: Entry) -> Listing:
        api = f"/api/models/{entry.repository}"
        about, _ = self._json(f"{api}/revision/main", entry)
        revision = about.get("sha") if isinstance(about, dict) else None
        if not isinstance(revision, str) or not _COMMIT.fullmatch(revision):
            raise self._senseless(entry)
        files: dict[str, Listed] = {}
        query: dict[str, str] = {"recursive": "true"}
        for _ in range(MAX_PAGES):
            items, answer = self._json(f"{api}/tree/{revision}?{urlencode(query)}", entry)
            files.update(self._hugging_face_files(items, entry))
            cursor = _cursor(answer.headers.get("Link", ""))
            if not cursor:
                return Listing(revision=revision, files=files)
            query["cursor"] = cursor
        raise self._senseless(entry)

    def _hugging_face_files(self, items: Any, entry: Entry) -> Iterator[tuple[str, Listed]]:
        if not isinstance(items, list):
            raise self._senseless(entry)
        for item in items:
            if not isinstance(item, dict) or not isinstance(item.get("path"), str):
                raise self._senseless(entry)
            if item.get("type") != "file":
                continue
            large = item.get("lfs")
            digest = f"git-sha1:{item.get('oid')}"
            if isinstance(large, dict):
                digest = f"sha256:{large.get('oid')}"
            yield item["path"], Listed(size=item.get("size", -1), digest=digest)

    # --- ModelScope ---

    def _list_modelscope(self, entry: Entry) -> Listing:
        """Each file's hash pins it, so the branch may be asked by its name."""
        revision = "master"
        query = urlencode({"Revision": revision, "Recursive": "true"})
        found, _ = self._json(f"/api/v1/models/{entry.repository}/repo/files?{query}", entry)
        data = found.get("Data") if isinstance(found, dict) else None
        items = data.get("Files") if isinstance(data, dict) else None
        if not isinstance(items, list):
            raise HubError(f"{self.web.host} has no {entry.repository}; try another source")
        files: dict[str, Listed] = {}
        for item in items:
            if not isinstance(item, dict) or not isinstance(item.get("Path"), str):
                raise self._senseless(entry)
            if item.get("Type") == "blob":
                digest = f"sha256:{item.get('Sha256')}"
                files[item["Path"]] = Listed(size=item.get("Size", -1), digest=digest)
        return Listing(revision=revision, files=files)

    # --- both ---

    def _json(self, path: str, entry: Entry) -> tuple[Any, Answer]:
        with self.web.get(path, {"Accept": "application/json"}, leaves=False) as answer:
            check_status(answer, self, entry)
            data = b""
            while piece := answer.read(2**16):
                data += piece
                if len(data) > MAX_LISTING_BYTES:
                    raise self._senseless(entry)
        try:
            return parse_value(data, self.web.host), answer
        except CheckpointError:
            raise self._senseless(entry) from None

    def _senseless(self, entry: Entry) -> HubError:
        return HubError(
            f"{self.web.host} does not tell the files of {entry.repository} as a hub does; "
            "check the address of the source"
        )


def check_status(answer: Answer, endpoint: Endpoint, entry: Entry) -> None:
    """HubError for a refusal that asking again does not change. 200 and 206 pass, and what a hub
    says when it is busy."""
    host, status = answer.host, answer.status
    if status in (401, 403):
        raise HubError(
            f"{host} gives {entry.name} only to people it knows: accept its terms at "
            f"{endpoint.page(entry)}, then give an access token "
            f"({TOKENS.get(endpoint.dialect, 'token')} at the command line)"
        )
    if status in (404, 410, 451):
        raise HubError(f"{host} has no {entry.repository}; try another source")
    if status not in (200, 206, 408, 416, 425, 429) and status < 500:
        raise HubError(f"{host} answers with status {status}; try another source")


def endpoint(source: str, token: str = "", *, stall_s: float = 30.0) -> Endpoint:
    """By its name or the address of a mirror, before which `modelscope:` says how it speaks.

    Empty is Hugging Face. HubError for what is no such address.

    >>> endpoint("https://hf-mirror.com/").web.url
    'https://hf-mirror.com'
    >>> endpoint("modelscope").dialect
    'modelscope'
    """
    dialect, address = HUGGING_FACE, source.strip() or HUGGING_FACE
    if address.startswith(f"{MODELSCOPE}:"):
        dialect, address = MODELSCOPE, address.removeprefix(f"{MODELSCOPE}:")
    elif address in URLS:
        dialect, address = address, URLS[address]
    try:
        parts = urlsplit(address)
        is_local = parts.scheme == "http" and parts.hostname in LOOPBACK
        is_address = (parts.scheme == "https" or is_local) and bool(parts.hostname)
        is_bare = not (parts.query or parts.fragment or parts.username or parts.password)
    except ValueError:
        is_address = is_bare = False
    if not is_address or not is_bare or re.search(r"\s", address):
        raise HubError(
            f"source {source[:80]!r}: write {', '.join(URLS)}, or the https address of a mirror"
        )
    return Endpoint(dialect=dialect, web=Web(url=address.rstrip("/"), token=token, stall_s=stall_s))


def token_for(source: str, environment: Mapping[str, str]) -> str:
    """What the environment holds for this very hub; a mirror gets nobody's token."""
    address = endpoint(source).web.url
    return next(
        (environment.get(TOKENS[name], "") for name, url in URLS.items() if url == address), ""
    )


def _cursor(link: str) -> str:
    """The place of the next page in the header that names it; the address itself is not used."""
    found = re.search(r"<([^>]{1,4096})>\s*;\s*rel=\"?next\"?", link)
    values = parse_qs(urlsplit(found[1]).query).get("cursor", []) if found else []
    return values[0] if values else ""
