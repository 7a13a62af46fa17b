"""Programs that fetch pages are told apart from a browser: blocked, with their reason in one line of the live view."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.conftest import Program as FindProgram
from tests.system.clients import ask, page
from tests.system.demo import Demo, Seen
from tests.system.program import DEADLINE

WGET_SERVER_ERROR = 8


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE)


def only_line_for(demo: Demo, target: str) -> Seen:
    """The line for `target`, after which the line of another request has come: so there is no second one."""
    demo.wait_to_see(target)
    marker = f"/cart?after={target.removeprefix('/product/')}"
    assert ask(demo.port, page(marker)).status == 200
    demo.wait_to_see(marker)
    [line] = [seen for seen in demo.seen() if seen.target == target]
    return line


def test_curl_is_blocked_with_its_reason_shown(demo: Demo, program: FindProgram, tmp_path: Path) -> None:
    body = tmp_path / "body"
    curl = run(str(program("curl")), "-sS", "-o", str(body), "-w", "%{http_code}", f"{demo.url}/product/101")
    assert (curl.stdout, curl.stderr) == ("403", "")
    problem = json.loads(body.read_text())
    assert problem["status"] == 403
    assert problem["request_id"]
    line = only_line_for(demo, "/product/101")
    assert (line.client, line.verdict, line.status, line.method) == ("127.0.0.1", "block", "403", "GET")
    assert "(curl)" in line.reason


def test_wget_is_blocked_with_its_reason_shown(demo: Demo, program: FindProgram, tmp_path: Path) -> None:
    page_file = tmp_path / "page"
    wget = run(str(program("wget")), "-nv", "--tries=1", "-O", str(page_file), f"{demo.url}/product/102")
    assert wget.returncode == WGET_SERVER_ERROR
    assert "403" in wget.stderr
    assert page_file.read_bytes() == b""
    line = only_line_for(demo, "/product/102")
    assert (line.verdict, line.status) == ("block", "403")
    assert "(wget)" in line.reason


def test_scrapy_is_blocked_with_its_reason_shown(demo: Demo, scrapy: list[str], tmp_path: Path) -> None:
    spider = tmp_path / "spider.py"
    spider.write_text(
        "import scrapy\n"
        "class Prices(scrapy.Spider):\n"
        "    name = 'prices'\n"
        f"    start_urls = ['{demo.url}/product/103']\n"
        "    handle_httpstatus_list = [403]\n"
        "    def parse(self, response):\n"
        "        yield {'status': response.status, 'names': response.css('h1::text').getall()}\n"
    )
    found = tmp_path / "found.json"
    crawl = run(*scrapy, "runspider", str(spider), "-o", str(found))
    assert crawl.returncode == 0, crawl.stderr
    [item] = json.loads(found.read_text())
    assert item["status"] == 403
    line = only_line_for(demo, "/product/103")
    assert (line.verdict, line.status) == ("block", "403")
    assert "(scrapy)" in line.reason


def test_a_browser_gets_what_the_programs_did_not(demo: Demo) -> None:
    assert ask(demo.port, page("/product/104")).status == 200
    line = only_line_for(demo, "/product/104")
    assert line.verdict == "pass"
    assert line.score < 50, "that programs came from the same address is no proof"
