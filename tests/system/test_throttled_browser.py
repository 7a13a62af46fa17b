"""A real browser's page load under a throttle verdict is slower at worst, and whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Program as FindProgram
from tests.system.demo import Demo
from tests.system.program import Proxy, to, until
from tests.system.test_browser import assets_of, name_of, photograph

POLICY = """
rules:
  - name: slow
    when: "true"
    action: {{throttle: {{rate: {rate}, burst: {burst}, key: address, delay: {delay}}}}}
"""


def recorded(log: Path) -> list[dict[str, Any]]:
    """All recorded requests so far."""
    lines = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    return [line for line in lines if "target" in line]


@pytest.mark.parametrize(
    ("rate", "burst", "delay"), [(0.1, 1, "20s"), (2, 12, "1ms")], ids=["pages wait", "what would have to wait is refused"]
)
def test_a_browser_whose_requests_are_all_throttled_loads_a_page_with_all_its_parts(
    demo: Demo, program: FindProgram, tmp_path: Path, rate: float, burst: int, delay: str
) -> None:
    target = "/category/garden"
    chromium, assets = program("chromium"), assets_of(demo, target)
    policy, log = tmp_path / "policy.yaml", tmp_path / "log"
    policy.write_text(POLICY.format(rate=rate, burst=burst, delay=delay))
    shop = f"http://127.0.0.1:{demo.shop_port}"
    settings = to(shop, policy=str(policy), log={"file": str(log), "sample": 1}, workers=2)
    with Proxy(tmp_path, settings) as proxy:
        for visit in range(2):
            place = f"http://127.0.0.1:{proxy.port}{target}?visit={visit}"
            folder = tmp_path / str(visit)
            folder.mkdir()
            text, _ = photograph(chromium, folder, place, f"--user-agent={name_of(chromium)}")
            assert "Garden" in text
        until(lambda: assets.eager <= {one["target"] for one in recorded(log)}, "a line for each asset")
        assert proxy.stop() == 0
    lines = recorded(log)
    assert {line["action"] for line in lines} == {"throttle"}
    assert {line["status"] for line in lines} <= {0, 101, 200}, [line for line in lines if line["status"] not in (0, 200)]
    got = [line for line in lines if line["status"] == 200]
    assert {line["target"] for line in got} >= assets.eager
    parts = [line for line in got if line["target"] in assets.eager | assets.lazy]
    assert len(parts) >= 2 * len(assets.eager)
    pages = [line for line in got if line["target"].startswith(target)]
    assert len(pages) == 2
    waited = max(line["us"] for line in pages)
    assert (waited > 1_000_000) == (burst == 1), waited
