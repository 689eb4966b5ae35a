"""One question to a hub over HTTP, and an answer that is read piece by piece.

Redirects are followed here, by our own rule: never to an unencrypted address, and the token goes to
the address it was given for and to no other. The text of an error never holds a token or a query.
"""

from __future__ import annotations

import contextlib
import http.client
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit

from model.errors import HubError

AGENT = "Inkstone"
MAX_HOPS = 5
LOOPBACK = ("127.0.0.1", "::1", "localhost")
_REDIRECTS = (301, 302, 303, 307, 308)


class Interrupted(Exception):
    """The connection failed, and may do better. The text says how, and at which host."""


@dataclass(frozen=True)
class Answer:
    """`host` is who answered in the end."""

    status: int
    headers: Mapping[str, str]
    host: str
    _response: Any

    def read(self, limit: int) -> bytes:
        """The next bytes that came, at most so many; nothing at the end. Interrupted."""
        try:
            return self._response.read1(limit)
        except (OSError, http.client.HTTPException) as error:
            raise Interrupted(f"{self.host}: {reason(error)}") from None

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._response.close()

    def __enter__(self) -> Answer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@dataclass(frozen=True, kw_only=True)
class Web:
    """How one hub is spoken to. Silence of `stall_s` ends a question. The token, if there is one,
    is shown only after the hub has refused to answer without."""

    url: str
    token: str = field(default="", repr=False)
    stall_s: float = 30.0

    def __post_init__(self) -> None:
        if not self.token.isascii() or not self.token.isprintable() or " " in self.token:
            raise HubError("the access token holds characters that no token has; copy it again")

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""

    def get(
        self, path: str, headers: Mapping[str, str] | None = None, *, leaves: bool = True
    ) -> Answer:
        """The answer to a path of the hub, whatever its status, redirects followed.

        `leaves` says whether another host may answer. Raises Interrupted, HubError.
        """
        url = self.url + path
        answer = self._follow(url, dict(headers or {}), leaves=leaves)
        if answer.status not in (401, 403) or not self.token:
            return answer
        answer.close()
        own = {**(headers or {}), "Authorization": f"Bearer {self.token}"}
        return self._follow(url, own, leaves=leaves)

    def _follow(self, url: str, headers: dict[str, str], *, leaves: bool) -> Answer:
        for _ in range(MAX_HOPS):
            answer = self._ask(url, headers)
            if answer.status not in _REDIRECTS:
                return answer
            answer.close()
            url = self._next(url, answer.headers.get("Location", ""), leaves=leaves)
            headers.pop("Authorization", None)
        raise HubError(f"{self.host} sends from one address to another without end")

    def _next(self, url: str, location: str, *, leaves: bool) -> str:
        try:
            target = urlsplit(urljoin(url, location))
            is_safe = target.scheme == "https" or (_is_local(target) and _is_local(urlsplit(url)))
        except ValueError:
            is_safe, target = False, urlsplit("")
        if not location or not is_safe or not target.hostname:
            raise HubError(
                f"{self.host} sends to an address that is not encrypted; nothing is taken"
            )
        if not leaves and target.netloc != urlsplit(self.url).netloc:
            raise HubError(
                f"{self.host} sends to {target.hostname} for the list of files; only its own counts"
            )
        return target.geturl()

    def _ask(self, url: str, headers: Mapping[str, str]) -> Answer:
        host = urlsplit(url).hostname or ""
        sent = {"User-Agent": AGENT, "Accept-Encoding": "identity", **headers}
        try:
            request = urllib.request.Request(url, headers=sent)
            response = self._opener.open(request, timeout=self.stall_s)
        except urllib.error.URLError as error:
            if isinstance(error.reason, ssl.SSLCertVerificationError):
                raise HubError(
                    f"{host} could not prove who it is ({error.reason.verify_message}); check this "
                    "computer's clock and network, nothing was taken"
                ) from None
            raise Interrupted(f"{host}: {reason(error.reason)}") from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Interrupted(f"{host}: {reason(error)}") from None
        return Answer(response.status, response.headers, host, response)

    @cached_property
    def _opener(self) -> urllib.request.OpenerDirector:
        """Proxies as the computer has them; no redirect and no other scheme by itself."""
        context = ssl.create_default_context()
        with contextlib.suppress(ImportError):  # Python on macOS may have no certificates
            import certifi

            context.load_verify_locations(certifi.where())
        opener = urllib.request.OpenerDirector()
        for handler in (
            urllib.request.ProxyHandler(),
            urllib.request.HTTPHandler(),
            urllib.request.HTTPSHandler(context=context),
        ):
            opener.add_handler(handler)
        return opener


def reason(error: object) -> str:
    """What a failed connection is called."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ConnectionRefusedError):
        return "no connection"
    if isinstance(error, (ConnectionError, http.client.HTTPException)):
        return "the connection broke"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return "no connection"


def _is_local(address: SplitResult) -> bool:
    return address.scheme == "http" and address.hostname in LOOPBACK
