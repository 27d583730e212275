"""The site that a gateway serves browsers: files of this package, from memory.

Every response says what its page may do: load from this server, speak to this server, and nothing else.
"""

import gzip
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from html import escape
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

import msgspec

from gameserver.errors import GameError
from gameserver.wire.errors import HttpFault
from gameserver.wire.http import Request, response_head, takes
from gameserver.wire.websocket import is_own_page

KINDS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".ts": "text/plain; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}
SERVED = {
    "page": "",
    "gameserver-client": "gameserver-client/",
}  # folders of this package, and their places in the site
INDEX = "index.html"
TITLE = b"{{title}}"  # stands in a page where the game's title is shown

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'{sockets}; "
    "manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
SAFETY = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY.format(sockets=""),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",  # ask each time whether it is still the same
}


_PLAIN_HOST = re.compile(r"(localhost|[0-9.]+|\[[0-9a-f:.]+\])(:[0-9]+)?")


class Page(msgspec.Struct, frozen=True):
    """Something served. ``packed``: the same, compressed; ``etag`` names both, so it is a weak one."""

    kind: str
    body: bytes
    packed: bytes
    etag: str


def page(kind: str, body: bytes) -> Page:
    """Make a page of these bytes."""
    return Page(kind, body, gzip.compress(body, mtime=0), f'W/"{hashlib.sha256(body).hexdigest()[:16]}"')


class Site:
    """Answers requests.

    ``made``: pages by their paths beside the files, each made when it is asked for. ``acts``: what is done for a
    ``POST`` from a page of this server; each says what it did. ``title``: what the game is called. ``sockets``: the
    WebSockets of other gateways, which pages may go to.
    """

    def __init__(
        self,
        made: Mapping[str, Callable[[], Page]] | None = None,
        acts: Mapping[str, Callable[[], str]] | None = None,
        *,
        title: str = "",
        sockets: Iterable[str] = (),
    ) -> None:
        self._pages = dict(_files(title))
        self._made = made or {}
        self._acts = acts or {}
        allowed = "".join(f" {origin_of(socket)}" for socket in sockets)
        self._safety = {**SAFETY, "Content-Security-Policy": CONTENT_SECURITY_POLICY.format(sockets=allowed)}

    def respond(self, request: Request) -> bytes:
        """Return the response to a request. Raises ``HttpFault``."""
        return self._act(request) if request.method == "POST" else self._serve(request)

    def _act(self, request: Request) -> bytes:
        if request.path not in self._acts:
            raise HttpFault(405, "Only GET and HEAD are answered here.", {"Allow": "GET, HEAD"})
        if not is_own_page(request) or not _is_plain_host(request):
            raise HttpFault(403, "Only pages of this server may ask for that.")
        try:
            said = self._acts[request.path]()
        except GameError as fault:
            raise HttpFault(503, fault.message) from None
        body = f"{said}\n".encode()
        told = {"Content-Type": "text/plain; charset=utf-8", "Content-Length": str(len(body))}
        told |= {**self._safety, **_ending(request)}
        return response_head(200, told) + body

    def _serve(self, request: Request) -> bytes:
        found = self._find(request.path)
        again = {"ETag": found.etag, "Vary": "Accept-Encoding", **self._safety, **_ending(request)}
        if _has(request, found):
            return response_head(304, again)
        packs = takes(request.headers.get("accept-encoding", ""), "gzip")
        body = found.packed if packs else found.body
        told = {
            "Content-Type": found.kind,
            "Content-Length": str(len(body)),
            **({"Content-Encoding": "gzip"} if packs else {}),
            **again,
        }
        return response_head(200, told) + (body if request.method == "GET" else b"")

    def _find(self, path: str) -> Page:
        if path in self._made:
            return self._made[path]()
        if path not in self._pages:
            raise HttpFault(404, "There is no such page.")
        return self._pages[path]


def _has(request: Request, found: Page) -> bool:
    """Whether the browser has the page; who stands between may have added other marks, or weakened this one."""
    tags = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
    return not tags.isdisjoint({"*", found.etag.removeprefix("W/")})


def _ending(request: Request) -> dict[str, str]:
    return {} if request.keeps_alive else {"Connection": "close"}


def _is_plain_host(request: Request) -> bool:
    """Whether the server was asked for by an address, or as this machine.

    Whoever owns a name can have it mean this machine, and then its pages are taken for this server's own.
    """
    host = request.headers.get("host", "").lower()
    return _PLAIN_HOST.fullmatch(host) is not None


def origin_of(address: str) -> str:
    """A WebSocket's scheme, host and port."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def pages_of(sockets: Iterable[str]) -> frozenset[str]:
    """The origins of the pages that are served beside these WebSockets."""
    return frozenset(f"http{origin_of(socket).removeprefix('ws')}" for socket in sockets)


def _files(title: str) -> Iterator[tuple[str, Page]]:
    for folder, place in SERVED.items():
        for file in files(__package__).joinpath(folder).iterdir():
            if (kind := KINDS.get(_extension(file.name))) is not None:
                yield _path(place, file), page(kind, file.read_bytes().replace(TITLE, escape(title).encode()))


def _path(place: str, file: Any) -> str:
    return f"/{place}" if file.name == INDEX else f"/{place}{file.name}"


def _extension(name: str) -> str:
    return "." + name.rpartition(".")[2]
