"""Reads what the page of a challenge reports of its browser: facts in, one bit for each oddity out.

The names of a report, all optional:

- `true` or missing: `webdriver cdc prepare_stack_trace playwright_globals headless_ua no_plugins zero_outer
  chrome_object_missing worker_ua_differs iframe_differs native_tampered`; `mobile` true or false
- texts: `ua`, `platform` (navigator.platform), `brands` (as sec-ch-ua spells them), `webgl_renderer`; `languages` is a
  list of at most five
- numbers: `touch_points`, `timezone` (minutes, as getTimezoneOffset gives them), `screen_width screen_height
  outer_width outer_height` (CSS pixels)
- motion, counts and statistics only: `moves clicks clicks_without_moves touches keys scrolls untrusted`,
  `straightness` (shortest way over the way taken, 0 to 1), `interval_mean` (ms) and `interval_variance` (ms²) of the
  time between moves

Promises: total on whatever JSON can hold, in time bounded by these names; a value of another kind, size or range than
stated counts as not sent; unknown names count for nothing. Every bit raises suspicion or does nothing: whoever writes
the report himself can send a clean one and gains no more by it than a browser in which nothing is odd. Never: raises,
keeps any of it, or looks at the time, the address or a cookie.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from trafficguard.exchange import Request
from trafficguard.signals.agents import Agent, read_agent
from trafficguard.signals.hints import brands_of
from trafficguard.signals.page import BIT, MOST_BITS, PROBES

__all__ = ("LONGEST_TEXT", "MOST_BITS", "MOST_LANGUAGES", "PROBES", "read_report")

LONGEST_TEXT: Final = 512
"""Characters of a text; longer ones count as not sent."""
MOST_LANGUAGES: Final = 5
_LARGEST: Final = 1e9
_FRAME: Final = 64.0
"""Pixels by which a window may be larger than the screen: a maximised one hangs over its edges."""
_EARLIEST_ZONE, _LATEST_ZONE = -14 * 60, 12 * 60
"""Kiritimati and the International Date Line West, in minutes as getTimezoneOffset has them."""
_ZONE_STEP: Final = 15
_MOST_TOUCHES: Final = 256
"""Points that any device could feel at once; browsers say 10 at most."""
_LARGEST_SCREEN: Final = 32_768
"""Pixels of a side: no browser can draw more."""
_ENOUGH_MOVES: Final = 10
_STRAIGHT: Final = 0.999
_EVEN: Final = 0.05
"""Standard deviation over mean below which intervals are alike."""

_DESKTOPS: Final = ("windows", "macos", "linux", "chromeos")
_UNIXES: Final = frozenset(("linux", "android", "chromeos"))
_APPLES: Final = frozenset(("macos", "ios"))
_PLATFORMS: Final = (
    ("win", frozenset(("windows",))),
    ("mac", _APPLES),
    ("iphone", _APPLES),
    ("ipad", _APPLES),
    ("ipod", _APPLES),
    ("android", _UNIXES),
    ("linux", _UNIXES),
    ("cros", _UNIXES),
    ("chrome", _UNIXES),
)
"""What a platform begins with, and the systems that a browser on it may name: telephones that ask for the desktop's
page call themselves Linux or Macintosh."""
_BY_SOFTWARE: Final = ("swiftshader", "llvmpipe", "softpipe", "software", "basic render")


class Report(NamedTuple):
    """What was sent, beside the head that it came with."""

    probes: Mapping[str, object]
    motion: Mapping[str, object]
    head: Mapping[str, str]
    """The few lines of the head that are compared, where they are there and plain ASCII."""
    agent: Agent
    """What the head's User-Agent claims."""

    def is_true(self, name: str) -> bool:
        """Whether a probe fired."""
        return self.probes.get(name) is True

    def text(self, name: str) -> str:
        """A text, or an empty one."""
        return _text(self.probes.get(name))

    def number(self, name: str) -> float | None:
        """A number, or None."""
        return _number(self.probes.get(name))

    def moved(self, name: str) -> float:
        """A count or a statistic of motion, 0 unless it was sent."""
        value = _number(self.motion.get(name))
        return value if value is not None else 0.0


def read_report(probes: object, motion: object, request: Request) -> int:
    """The bits (`signals.page.BIT`) of a report that came with a request, below 2 ** MOST_BITS.

    For `pow` only, whose page reports always: who claims to be a browser and reports nothing has computed by a program
    of its own. Apps that say so themselves are free to.
    """
    told = probes if isinstance(probes, Mapping) else {}
    moved = motion if isinstance(motion, Mapping) else {}
    head = {name: text for name in _COMPARED if (text := _line(request, name))}
    report = Report(told, moved, head, read_agent(head.get("user-agent")))
    if not told:
        return BIT["page.silent"] if report.agent.is_browser and not report.agent.embedded else 0
    bits = 0
    for name, finds in _FINDERS.items():
        if finds(report):
            bits |= BIT[name]
    return bits


_COMPARED: Final = ("user-agent", "accept-language", "sec-ch-ua", "sec-ch-ua-mobile", "sec-ch-ua-platform")


def _line(request: Request, name: str) -> str:
    value = request.head.value(name.encode())
    return value.decode("ascii", "ignore") if value is not None and value.isascii() else ""


def _text(value: object) -> str:
    return value if isinstance(value, str) and len(value) <= LONGEST_TEXT else ""


def _number(value: object) -> float | None:
    """A number of bearable size; comparing leaves out NaN, and integers that no float can hold."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if -_LARGEST <= value <= _LARGEST else None


def _flag(name: str) -> Callable[[Report], bool]:
    return lambda report: report.is_true(name)


def _headless(report: Report) -> bool:
    return report.is_true("headless_ua") or any(
        "headless" in report.text(name).lower() for name in ("ua", "brands")
    )


def _agent(report: Report) -> bool:
    """Scripts read another User-Agent than the head has."""
    told, sent = report.text("ua"), report.head.get("user-agent", "")
    return bool(told and sent) and told != sent


def _platform(report: Report) -> bool:
    """The platform is none that the claimed system runs on."""
    told = report.text("platform").lower()
    systems = next((systems for start, systems in _PLATFORMS if told.startswith(start)), None)
    hinted = report.head.get("sec-ch-ua-platform", "").strip('"').lower().replace(" ", "").replace("chromium", "chrome")
    claims = {report.agent.system, hinted} - {"", "unknown"}
    return systems is not None and not claims <= systems


def _languages(report: Report) -> bool:
    """The first language is another one than the head's; its region may differ, for some browsers hide it."""
    listed = report.probes.get("languages")
    if not isinstance(listed, list) or not 0 < len(listed) <= MOST_LANGUAGES:
        return False
    told, sent = _tongue(_text(listed[0])), _tongue(report.head.get("accept-language", ""))
    return bool(told and sent) and told != sent


def _tongue(text: str) -> str:
    return text.partition(",")[0].partition(";")[0].partition("-")[0].partition("@")[0].strip().lower()


def _brands(report: Report) -> bool:
    """The list of brands is another one than that of the head."""
    told, sent = brands_of(report.text("brands")), brands_of(report.head.get("sec-ch-ua", ""))
    return bool(told and sent) and set(told) != set(sent)


def _mobile(report: Report) -> bool:
    """Being a telephone or not is told and sent differently."""
    told, sent = report.probes.get("mobile"), report.head.get("sec-ch-ua-mobile", "")
    return isinstance(told, bool) and sent in ("?0", "?1") and told != (sent == "?1")


def _touch(report: Report) -> bool:
    """A telephone that feels no touch."""
    return report.agent.mobile and report.number("touch_points") == 0.0


def _plugins(report: Report) -> bool:
    """A desktop's Chromium without the viewers that all have."""
    agent = report.agent
    is_desktop = agent.system in _DESKTOPS and not agent.mobile
    return report.is_true("no_plugins") and agent.family == "chromium" and is_desktop and not agent.embedded


def _chrome(report: Report) -> bool:
    agent = report.agent
    return report.is_true("chrome_object_missing") and agent.family == "chromium" and not agent.embedded


def _screen(report: Report) -> bool:
    """A window that is larger than the screen it is on."""
    sides = (report.number(f"outer_{side}") for side in ("width", "height"))
    ends = (report.number(f"screen_{side}") for side in ("width", "height"))
    return any(
        side is not None and end is not None and 0.0 < end < side - _FRAME
        for side, end in zip(sides, ends, strict=True)
    )


def _renderer(report: Report) -> bool:
    told = report.text("webgl_renderer").lower()
    return any(name in told for name in _BY_SOFTWARE)


def _impossible(report: Report) -> bool:
    """A number that no browser gives."""
    zone, touches = report.number("timezone"), report.number("touch_points")
    if zone is not None and not (_EARLIEST_ZONE <= zone <= _LATEST_ZONE and zone % _ZONE_STEP == 0.0):
        return True
    if touches is not None and not 0.0 <= touches <= _MOST_TOUCHES:
        return True
    ends = (report.number(f"screen_{side}") for side in ("width", "height"))
    return any(end is not None and not 0.0 < end <= _LARGEST_SCREEN for end in ends)


def _untrusted(report: Report) -> bool:
    return report.moved("untrusted") > 0.0


def _clicks(report: Report) -> bool:
    """A click that no pointer led up to, where neither a finger nor a key could have made it."""
    others = report.moved("touches") + report.moved("keys")
    return report.moved("clicks_without_moves") > 0.0 and others == 0.0 and report.number("touch_points") == 0.0


def _straight(report: Report) -> bool:
    return report.moved("moves") >= _ENOUGH_MOVES and report.moved("straightness") >= _STRAIGHT


def _even(report: Report) -> bool:
    mean, variance = report.moved("interval_mean"), _number(report.motion.get("interval_variance"))
    if report.moved("moves") < _ENOUGH_MOVES or mean <= 0.0 or variance is None:
        return False
    return 0.0 <= variance < (_EVEN * mean) ** 2


_FINDERS: Final[dict[str, Callable[[Report], bool]]] = {
    "page.webdriver": _flag("webdriver"),
    "page.cdc": _flag("cdc"),
    "page.stack": _flag("prepare_stack_trace"),
    "page.playwright": _flag("playwright_globals"),
    "page.headless": _headless,
    "page.agent": _agent,
    "page.platform": _platform,
    "page.languages": _languages,
    "page.brands": _brands,
    "page.mobile": _mobile,
    "page.touch": _touch,
    "page.plugins": _plugins,
    "page.window": _flag("zero_outer"),
    "page.screen": _screen,
    "page.chrome": _chrome,
    "page.renderer": _renderer,
    "page.worker": _flag("worker_ua_differs"),
    "page.frame": _flag("iframe_differs"),
    "page.native": _flag("native_tampered"),
    "page.impossible": _impossible,
    "page.untrusted": _untrusted,
    "page.clicks": _clicks,
    "page.straight": _straight,
    "page.even": _even,
}
"""What fires which probe; all of `PROBES` but the one for a report that is not there."""
