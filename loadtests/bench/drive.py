"""Drives one target with wrk: writes the Lua scripts, starts wrk, reads the line that the script prints at
the end.

Promises: every request string is ready or one concatenation away, so that wrk is not what is measured.
Never: decides what a good result is.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from loadtests.bench import crowd
from loadtests.bench.errors import BenchError
from loadtests.bench.heads import HOT, Head, load
from loadtests.bench.plan import Cell, Style, Workload
from loadtests.bench.programs import find

GRACE = 30.0
"""Seconds that wrk may take beyond its measurement to start and to end."""
SLOWEST_ANSWER = 5
"""Seconds after which wrk counts an answer as timed out."""

_ERRORS = ("connect", "read", "write", "status", "timeout")
_COUNTERS = ("requests", "duration_us", "bytes", *_ERRORS, "p50_us", "p99_us")
_RESULT = re.compile(
    "^bench " + " ".join(f"{name}=(?P<{name}>[0-9]+)" for name in _COUNTERS) + "$", re.MULTILINE
)

_DONE = """
function done(summary, latency)
  local e = summary.errors
  io.write(string.format("bench requests=%d duration_us=%d bytes=%d ",
    summary.requests, summary.duration, summary.bytes))
  io.write(string.format("connect=%d read=%d write=%d status=%d timeout=%d ",
    e.connect, e.read, e.write, e.status, e.timeout))
  io.write(string.format("p50_us=%d p99_us=%d\\n", latency:percentile(50), latency:percentile(99)))
end
"""


@dataclass(frozen=True)
class Run:
    """What wrk reports of one measurement."""

    requests: int
    """Answers read whole."""
    seconds: float
    bytes: int
    """Bytes of these answers, heads included."""
    errors: int
    """Failed connects, reads and writes, answers of status 400 and above, timeouts."""
    p50_us: int
    """Median latency, microseconds, with all connections busy."""
    p99_us: int

    @property
    def rps(self) -> float:
        """Requests per second."""
        return self.requests / self.seconds


def request_head(head: Head, target: str, style: Style, address: str | None = None) -> bytes:
    """The exact bytes that wrk sends for one request."""
    forwarded = "" if address is None else f"X-Forwarded-For: {address}\r\n"
    return f"GET {target} HTTP/1.1\r\n{_fields(head, style)}{forwarded}\r\n".encode("ascii")


def _fields(head: Head, style: Style) -> str:
    closing = ("Connection: close",) if style is Style.CLOSE else ()
    return "".join(f"{line}\r\n" for line in (*head.lines, *closing))


def lua_string(text: str) -> str:
    """A Lua literal; everything but letters, digits and blanks is escaped by number."""
    return '"' + re.sub(r"[^A-Za-z0-9 ]", lambda match: f"\\{ord(match[0]):03d}", text) + '"'


def hot_script(style: Style) -> str:
    """One request, again and again."""
    head = request_head(HOT, "/product/7", style).decode("ascii")
    return f"local head = {lua_string(head)}\nfunction request() return head end\n{_DONE}"


def mixed_script(style: Style, heads: list[Head], addresses: list[str], targets: list[str]) -> str:
    """A crowd: client n always sends the same head, and another target each time it comes back.

    The script's argument says where in the crowd a run starts.
    """
    rests = [f" HTTP/1.1\r\n{_fields(head, style)}X-Forwarded-For: " for head in heads]
    return f"""local targets = {_lua_table([f"GET {target}" for target in targets])}
local heads = {_lua_table(rests)}
local addresses = {{}}
for address in string.gmatch({lua_string(" ".join(addresses))}, "%S+") do
  addresses[#addresses + 1] = address .. "\\r\\n\\r\\n"
end
local n, clients, kinds, pages = 0, #addresses, #heads, #targets
function init(arguments) n = tonumber(arguments[1]) end
function request()
  n = n + 1
  local client = n * {crowd.STRIDE} % clients
  return targets[n % pages + 1] .. heads[client % kinds + 1] .. addresses[client + 1]
end
{_DONE}"""


def _lua_table(texts: list[str]) -> str:
    return "{\n" + ",\n".join(map(lua_string, texts)) + "}"


def write_scripts(cells: list[Cell], folder: Path) -> dict[Cell, Path]:
    """One script per table."""
    paths = {}
    for cell in cells:
        paths[cell] = folder / f"{cell.workload}-{cell.style}.lua"
        if cell.workload is Workload.HOT:
            text = hot_script(cell.style)
        else:
            text = mixed_script(cell.style, load(), crowd.addresses(), crowd.targets())
        paths[cell].write_text(text)
    return paths


def parse(output: str) -> Run:
    """Read the script's line in wrk's output. BenchError where it is missing."""
    match = _RESULT.search(output)
    if match is None:
        raise BenchError(f"wrk gave no result: {output.strip()[-400:]}")
    count = {name: int(match[name]) for name in _COUNTERS}
    return Run(
        requests=count["requests"],
        seconds=count["duration_us"] / 1e6,
        bytes=count["bytes"],
        errors=sum(count[name] for name in _ERRORS),
        p50_us=count["p50_us"],
        p99_us=count["p99_us"],
    )


def drive(port: int, script: Path, *, connections: int, seconds: int, start: int) -> Run:
    """One measurement with one wrk thread. `start`: where in the crowd it begins."""
    command = [find("wrk"), "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", f"{SLOWEST_ANSWER}s"]
    command += ["-s", str(script), f"http://127.0.0.1:{port}/", "--", str(start)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + GRACE, check=False)
    except subprocess.TimeoutExpired as error:
        raise BenchError(f"wrk did not end within {seconds + GRACE:.0f} s") from error
    if done.returncode:
        raise BenchError(
            f"wrk ended with status {done.returncode}: {(done.stdout + done.stderr).strip()[-400:]}"
        )
    return parse(done.stdout)
