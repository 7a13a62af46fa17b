"""A reverse proxy as one writes it with aiohttp, at its best: low-level server, one shared session,
streaming, uvloop.

Started by the benchmark as `python aiohttp_proxy.py PORT ORIGIN`. Never: counts, judges or logs.
"""

import asyncio
import sys

import uvloop
from aiohttp import ClientSession, ClientTimeout, DummyCookieJar, TCPConnector, web
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

HOP_BY_HOP = {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}


def end_to_end(headers: CIMultiDictProxy[str]) -> CIMultiDict[str]:
    return CIMultiDict([pair for pair in headers.items() if pair[0].lower() not in HOP_BY_HOP])


async def serve(port: int, origin: str) -> None:
    connector = TCPConnector(limit=0)
    nothing_added = ("Accept", "Accept-Encoding", "User-Agent", "Content-Type")
    async with ClientSession(
        connector=connector, cookie_jar=DummyCookieJar(), auto_decompress=False,
        timeout=ClientTimeout(total=None), skip_auto_headers=nothing_added,
    ) as session:  # fmt: skip

        async def forward(request: web.BaseRequest) -> web.StreamResponse:
            headers = end_to_end(request.headers)
            seen = headers.get("X-Forwarded-For")
            headers["X-Forwarded-For"] = f"{seen}, {request.remote}" if seen else request.remote or ""
            url = URL(origin + request.raw_path, encoded=True)
            body = request.content if request.can_read_body else None
            async with session.request(
                request.method, url, headers=headers, data=body, allow_redirects=False
            ) as answer:
                response = web.StreamResponse(status=answer.status, headers=end_to_end(answer.headers))
                await response.prepare(request)
                async for chunk in answer.content.iter_any():
                    await response.write(chunk)
                await response.write_eof()
                return response

        runner = web.ServerRunner(web.Server(forward, access_log=None))
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), sys.argv[2]))
