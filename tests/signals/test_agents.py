"""What a User-Agent claims."""

# ruff: noqa: ISC004 - User-Agents are long

from __future__ import annotations

import json
from pathlib import Path

import pytest

from trafficguard.signals.agents import MISSING, read_agent

WINDOWS_CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/155.0.0.0 Safari/537.36"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
    " Version/18.5 Mobile/15E148 Safari/604.1"
)


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("curl/8.5.0", "ua.library"),
        ("Wget/1.21.3", "ua.library"),
        ("Wget", "ua.library"),
        ("python-requests/2.34.2", "ua.library"),
        ("Scrapy/2.19.0 (+https://scrapy.org)", "ua.library"),
        ("python-httpx/0.28.1", "ua.library"),
        ("Python/3.11 aiohttp/3.14.5", "ua.library"),
        ("Go-http-client/1.1", "ua.library"),
        ("Java/17.0.15", "ua.library"),
        ("okhttp/4.12.0", "ua.library"),
        ("node", "ua.library"),
        ("axios/1.21.1", "ua.library"),
        ("PHP/8.2", "ua.library"),
        ("Mozilla/5.0 (Unknown; Linux x86_64) AppleWebKit/538.1 (KHTML, like Gecko) PhantomJS/2.1.1 Safari/538.1", "ua.automation"),
        (WINDOWS_CHROME.replace(" Chrome", " HeadlessChrome"), "ua.automation"),
        (WINDOWS_CHROME + " Chrome-Lighthouse", "ua.automation"),
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "bot.search"),
        ("Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)", "bot.search"),
        ("Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 (Applebot-Extended/0.1)", "bot.ai"),
        ("Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)", "bot.ai"),
        ("facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)", "bot.preview"),
        ("Mozilla/5.0+(compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)", "bot.monitor"),
        ("check_http/v2.3.3 (monitoring-plugins 2.3.3)", "bot.monitor"),
        ("feedparser/6.0.14 +https://github.com/kurtmckee/feedparser/", "bot.feed"),
        ("Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)", "bot.seo"),
        ("minibot/0.1", "bot.other"),
        ("Mozilla/5.0 (compatible; Nobody; admin@nobody.example)", "bot.other"),
        ("NewsReader 3 https://news.example", "bot.other"),
        (WINDOWS_CHROME, "ua.browser"),
        (IPHONE, "ua.browser"),
        ("ShopApp/2.1 (iPhone; iOS 18.5) CFNetwork/3826 Darwin/24.5.0", ""),
        ("Dillo/3.0.5", ""),
        ("Lynx/2.9.0dev.12 libwww-FM/2.14 SSL-MM/1.4.1 GNUTLS/3.7.8", ""),
        ("w3m/0.5.3+git20230121", ""),
        ("Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko", ""),
        ("Mozilla/5.0 (compatible; MSIE 9.0; Windows NT 6.1; Trident/5.0)", ""),
        ("Mozilla/5.0 (compatible; Konqueror/4.5; Linux) KHTML/4.5.4 (like Gecko)", ""),
        ("Mozilla/5.0 (X11; Linux x86_64) KIO/5.103 konqueror/22.12.3", ""),
        ("Mozilla/5.0 (Linux; Android 8.1; CUBOT_NOTE_S) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/90.0 Mobile Safari/537.36", "ua.browser"),
        ("  ", "ua.missing"),
        ("", "ua.missing"),
    ],
)  # fmt: skip
def test_the_label_tells_what_kind_of_sender_it_claims_to_be(text: str, label: str) -> None:
    assert read_agent(text).label == label


def test_no_user_agent_is_a_claim_of_its_own() -> None:
    assert read_agent(None) == MISSING


@pytest.mark.parametrize(
    ("text", "family", "major", "system", "mobile", "embedded"),
    [
        (WINDOWS_CHROME, "chromium", 155, "windows", False, False),
        (IPHONE, "webkit", 18, "ios", True, False),
        (IPHONE.replace("Version/18.5", "CriOS/126.0.6478.35"), "webkit", 0, "ios", True, False),
        (
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/60.5 Safari/605.1.15",
            "webkit", 60, "linux", False, False,
        ),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0", "firefox", 153, "linux", False, False),
        (
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) QtWebEngine/5.15.13"
            " Chrome/87.0.4280.144 Safari/537.36",
            "chromium", 87, "linux", False, True,
        ),
        (
            "Mozilla/5.0 (Linux; Android 14; Pixel 7; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0"
            " Chrome/126.0.6478.71 Mobile Safari/537.36",
            "chromium", 126, "android", True, True,
        ),
    ],
)  # fmt: skip
def test_a_browser_is_known_by_engine_version_and_system(
    text: str, family: str, major: int, system: str, mobile: bool, embedded: bool
) -> None:
    agent = read_agent(text)
    assert (agent.family, agent.major, agent.system, agent.mobile, agent.embedded) == (
        family, major, system, mobile, embedded,
    )  # fmt: skip


def test_the_name_of_a_program_is_ours_and_never_the_senders() -> None:
    assert "<script>" not in read_agent("curl/8 <script>").name
    assert "evil" not in read_agent("Mozilla/5.0 (compatible; evilbot)").name


def test_an_endless_user_agent_is_read_in_part() -> None:
    assert read_agent(WINDOWS_CHROME + " " * 100_000 + "curl/8").label == "ua.browser"


def test_programs_are_found_and_people_are_not_taken_for_programs(shared_data: Path) -> None:
    lines = (shared_data / "user_agents" / "labelled.jsonl").read_text().splitlines()
    entries = [entry for entry in map(json.loads, lines) if not entry["ambiguous"]]
    programs = [entry["ua"] for entry in entries if "bot" in entry["labels"]]
    others = [entry["ua"] for entry in entries if "bot" not in entry["labels"]]
    found = sum(read_agent(text).family == "program" for text in programs)
    # Telephones fetch previews of shared links themselves, as WhatsApp: a program by name, and one that passes.
    wrong = [
        text for text in others if read_agent(text).family == "program" and not text.startswith("WhatsApp/")
    ]
    print(
        f"\nprograms found: {found} of {len(programs)}; others taken for programs: {len(wrong)} of {len(others)}"
    )
    assert found >= 0.85 * len(programs)
    assert len(wrong) <= 0.001 * len(others)
