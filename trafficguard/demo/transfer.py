"""The door for large bodies: a download of any size and an upload that is only counted.

Promises: both work in constant memory and at the pace of the other side. Never: keeps what was uploaded,
never accepts or sends more than MAX_BYTES.
"""

from __future__ import annotations

from hashlib import sha256

from aiohttp import hdrs, web

MAX_BYTES = 4 << 30
"""4 GiB: past every 32-bit counter on the way."""

PIECE = bytes(range(256)) * 256
"""64 KiB; a download is this piece over and over, cut at the end."""


class Transfer:
    """Moving bytes."""

    def routes(self) -> list[web.RouteDef]:
        """The addresses served here."""
        return [
            web.get("/download/{bytes:[0-9]{1,11}}", self.download),
            web.post("/upload", self.upload),
        ]

    async def download(self, request: web.Request) -> web.StreamResponse:
        """Exactly as many bytes as asked for; raises HTTPBadRequest above MAX_BYTES."""
        left = int(request.match_info["bytes"])
        if left > MAX_BYTES:
            raise web.HTTPBadRequest
        headers = {hdrs.CONTENT_TYPE: "application/octet-stream", hdrs.CACHE_CONTROL: "no-store"}
        stream = web.StreamResponse(headers=headers)
        stream.content_length = left
        await stream.prepare(request)
        if request.method != hdrs.METH_HEAD:
            await _pour(stream, left)
        return stream

    async def upload(self, request: web.Request) -> web.Response:
        """Size and SHA-256 of the body; raises HTTPRequestEntityTooLarge above MAX_BYTES."""
        digest, count = sha256(), 0
        async for piece in request.content.iter_any():
            count += len(piece)
            if count > MAX_BYTES:
                raise web.HTTPRequestEntityTooLarge(max_size=MAX_BYTES, actual_size=count)
            digest.update(piece)
        return web.json_response({"bytes": count, "sha256": digest.hexdigest()})


async def _pour(stream: web.StreamResponse, left: int) -> None:
    while left >= len(PIECE):
        await stream.write(PIECE)
        left -= len(PIECE)
    if left:
        await stream.write(PIECE[:left])
