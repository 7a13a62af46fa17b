"""What recorded clients would have reported, in the names that the page of a challenge uses.

Promises: one report for each time that the recording shop's own script told what it found, and one motion for each page
on which it told events, with the head that they came with. Never: makes up what was not recorded.
"""

from __future__ import annotations

import base64
import gzip
import itertools
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from trafficguard.exchange import Request
from trafficguard.http.head import RequestHead, RequestReader
from trafficguard.http.header_list import ListReader

Json = dict[str, Any]


class Reported(NamedTuple):
    """What one client told once."""

    client: str
    human: bool
    probes: Json
    motion: Json
    request: Request


def reports(folder: Path) -> Iterator[Reported]:
    """All that told of their browser."""
    for line in _lines(folder, "js"):
        if isinstance(js := line.get("js"), dict):
            yield Reported(line["client"], bool(line["human"]), probes_of(js), {}, _request(line))


def motions(folder: Path) -> Iterator[Reported]:
    """All that told of motion on a page, with the number of points that a desktop's screen feels."""
    pages: dict[tuple[str, str, float], tuple[Json, list[Json]]] = {}
    for line in _lines(folder, "events"):
        if isinstance(told := line.get("events"), dict) and told.get("ev"):
            key = line["client"], line["leg"], float(told["origin"])
            pages.setdefault(key, (line, []))[1].extend(told["ev"])
    for line, events in pages.values():
        yield Reported(line["client"], bool(line["human"]), {"touch_points": 0}, motion_of(events), _request(line))


def _lines(folder: Path, name: str) -> Iterator[Json]:
    for file in sorted(folder.glob("*.jsonl.gz")):
        with gzip.open(file, "rt", encoding="utf-8") as lines:
            yield from (json.loads(line) for line in lines if f'"{name}"' in line)


def _request(line: Json) -> Request:
    head = (
        RequestReader().read(base64.b64decode(line["raw_b64"]))
        if "raw_b64" in line
        else ListReader().read((name.encode("latin-1"), value.encode("latin-1")) for name, value in line["headers"])
    )
    assert isinstance(head, RequestHead)
    return Request(head, "192.0.2.1", line["transport"].endswith("-tls"), "shop.test", b"0")


def probes_of(js: Json) -> Json:
    """The report of a script that names things otherwise, and tells more."""
    size, screen, ua_data, worker, frame = (
        js[name] if isinstance(js.get(name), dict) else {} for name in ("size", "screen", "uaData", "worker", "iframe")
    )
    chrome, plugins, webgl, zone = (
        js[name] if isinstance(js.get(name), dict) else {} for name in ("chrome", "plugins", "webgl", "timezone")
    )
    natives = [told for told in js["tostring"].values() if isinstance(told, dict)]
    getters = [told for told in js["tostring"].get("getters", {}).values() if isinstance(told, dict)]
    replaced = any(told.get("native") is False for told in natives)
    worker_facts = [("ua", "userAgent"), ("platform", "platform"), ("langs", "languages")]
    probes = {
        "webdriver": js["webdriver"],
        "cdc": any("cdc_" in name for name in js["artefacts"]),
        "prepare_stack_trace": js["stackTrick3"] == 1,
        "playwright_globals": any("__p" in name for name in js["artefacts"]),
        "headless_ua": "Headless" in js["userAgent"],
        "ua": js["userAgent"],
        "platform": js["platform"],
        "languages": js["languages"],
        "brands": ", ".join(f'"{one["brand"]}";v="{one["version"]}"' for one in ua_data.get("brands", [])),
        "mobile": ua_data.get("mobile"),
        "touch_points": js["maxTouchPoints"],
        "no_plugins": plugins.get("length") == 0,
        "zero_outer": size.get("ow") == 0 and size.get("oh") == 0,
        "chrome_object_missing": chrome.get("type") != "object",
        "webgl_renderer": webgl.get("urenderer"),
        "worker_ua_differs": any(name in worker and worker[name] != js[own] for name, own in worker_facts),
        "iframe_differs": frame.get("ua") is False or ("webdriver" in frame and frame["webdriver"] != js["webdriver"]),
        "native_tampered": replaced or any("[native code]" not in told["src"] for told in getters if "src" in told),
        "timezone": zone.get("off"),
        "screen_width": screen.get("w"), "screen_height": screen.get("h"),
        "outer_width": size.get("ow"), "outer_height": size.get("oh"),
    }  # fmt: skip
    return {name: value for name, value in probes.items() if value not in (None, "", "__undefined")}


def motion_of(events: list[Json]) -> Json:
    """Counts and statistics of the events of one page."""
    events = sorted(events, key=lambda event: float(event["t"]))
    moves = [event for event in events if event["k"] == "pointermove"]
    gaps = [after["t"] - before["t"] for before, after in itertools.pairwise(moves)]
    steps = [math.dist(_at(before), _at(after)) for before, after in itertools.pairwise(moves)]
    mean = sum(gaps) / len(gaps) if gaps else 0.0
    return {
        "moves": len(moves),
        "straightness": math.dist(_at(moves[0]), _at(moves[-1])) / sum(steps) if sum(steps) else 0.0,
        "interval_mean": mean,
        "interval_variance": sum((gap - mean) ** 2 for gap in gaps) / len(gaps) if gaps else 0.0,
        "clicks": sum(event["k"] == "click" for event in events),
        "clicks_without_moves": sum(event["k"] == "click" for event in events) if not moves else 0,
        "touches": sum(event["k"] == "touchstart" for event in events),
        "keys": sum(event["k"] == "keydown" for event in events),
        "scrolls": sum(event["k"] in ("scroll", "wheel") for event in events),
        "untrusted": sum(event.get("tr") is False for event in events),
    }


def _at(event: Json) -> tuple[float, float]:
    return float(event["x"]), float(event["y"])
