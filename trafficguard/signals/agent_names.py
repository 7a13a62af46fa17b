"""Names that programs give themselves in User-Agent, by what kind of program it is.

Promises: lower-case literals only, looked up by `agents`; a name that is not here is unknown, and no
accusation. Collected from the operators' own documentation and from programs recorded or run. Never: tells
whether a claim is true.
"""

from __future__ import annotations

from typing import Final


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(","))


ANYWHERE: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    (
        "bot.ai",
        _names("""
            gptbot, chatgpt-user, oai-searchbot, claudebot, claude-user, claude-searchbot, claude-web,
            anthropic-ai, ccbot, bytespider, tiktokspider, perplexitybot, perplexity-user, google-extended,
            google-cloudvertexbot, google-notebooklm, googleother, gemini-deep-research, meta-externalagent,
            meta-externalfetcher, facebookbot, amazonbot, amzn-searchbot, applebot-extended, cohere-ai,
            cohere-training, diffbot, ai2bot, mistralai-user, duckassistbot, youbot, timpibot, omgili,
            imagesiftbot, img2dataset, firecrawl, tavilybot, deepseekbot, chatglm-spider, iaskspider,
            pangubot, kangaroo bot, phindbot, linkupbot, crawl4ai, velenpublicwebcrawler
        """),
    ),
    (
        "bot.search",
        _names("""
            googlebot, storebot-google, google-inspectiontool, bingbot, msnbot, yandex.com/bots, yandexbot,
            baiduspider, duckduckbot, duckduckgo-favicons-bot, applebot, yahoo! slurp, y!j, sogou web spider,
            sogou spider, 360spider, haosouspider, yisouspider, toutiaospider, seznambot, petalbot, qwantbot,
            qwantify, mojeekbot, coccocbot, exabot, coccoc/, ichiro/, yeti/, daumoa, seekportbot,
            search.marginalia.nu, kagibot, zumbot, mail.ru_bot, istellabot, teoma
        """),
    ),
    (
        "bot.preview",
        _names("""
            facebookexternalhit, facebookcatalog, facebot, twitterbot, slackbot, slack-imgproxy, linkedinbot,
            whatsapp/, telegrambot, discordbot, skypeuripreview, redditbot, pinterestbot, pinterest/0.,
            embedly, iframely, vkshare, mastodon/, bingpreview, microsoftpreview, google web preview,
            googleimageproxy, yahoomailproxy, flipboardproxy, snap url preview, bluesky cardyb, keybasebot,
            groupmebot, hatena, valve/steam, google-physicalweb, linkpreview, link preview, mattermost-bot,
            viberurldownloader, friendica
        """),
    ),
    (
        "bot.monitor",
        _names("""
            uptimerobot, pingdom, statuscake, uptime-kuma, better uptime, betterstack, datadogsynthetics,
            datadog/synthetics, newrelicsynthetics, newrelicpinger, site24x7, freshping, check_http, zabbix,
            nagios, blackbox-exporter, blackbox exporter, googlestackdrivermonitoring,
            amazon-route53-health-check, elb-healthchecker, googlehc/, kube-probe/, cloudflare-healthchecks,
            cloudflare-traffic-manager, hetrixtools, ruxitsynthetic, catchpoint, sentryuptimebot, checkly/,
            montasticmonitor, updown.io, nixstatsbot, thousandeyes, alertsite, dotcom-monitor
        """),
    ),
    (
        "bot.feed",
        _names("""
            feedly, feedbin, feedfetcher, feedparser/, inoreader, newsblur, tiny tiny rss, miniflux/,
            freshrss, theoldreader, netnewswire, feedburner, superfeedr, commafeed, simplepie, netvibes,
            rss2email, bazqux, nextcloud-news, magpierss, blogtrottr, liferea/, akregator/, newsboat/,
            newsbeuter/, overcast/, pocketcasts/, feedwind
        """),
    ),
    (
        "bot.seo",
        _names("""
            ahrefsbot, ahrefssiteaudit, semrushbot, mj12bot, dotbot, rogerbot, blexbot, dataforseobot,
            serpstatbot, seokicks, sistrix, screaming frog, siteauditbot, barkrowler, megaindex, linkdex,
            xovibot, oncrawl, botify, deepcrawl, seobility, spbot, linkpadbot, netestate ne crawler,
            zoominfobot, siteimprove, hubspot
        """),
    ),
    (
        "ua.automation",
        _names("""
            headlesschrome, headless_shell, phantomjs, slimerjs, casperjs, playwright, puppeteer, selenium,
            webdriver, chrome-lighthouse, ptst/, jsdom/, happydom, htmlunit, splash version/, cypress/,
            zombie.js
        """),
    ),
    (
        "ua.library",
        _names("""
            python-requests, python-urllib, python-httpx, urllib3, aiohttp/, scrapy, curl/, libcurl, pycurl,
            wget/, go-http-client, okhttp, apache-httpclient, apache-httpasyncclient, commons-httpclient,
            java-http-client, jersey/, asynchttpclient, libwww-perl, lwp::, lwp-trivial, www-mechanize,
            mechanicalsoup, guzzlehttp, php-curl-class, node-fetch, node-superagent, axios/, sindresorhus/got,
            reqwest, http.rb, typhoeus, restsharp, ktor-client, dart:io, windowspowershell, postmanruntime,
            insomnia/, apachebench, h2load, httrack, webcopier, webzip, sitesucker, teleport pro,
            offline explorer, simplecrawler, website-scraper, broken-link-checker, linkchecker, crawler4j,
            newspaper/, trafilatura, yt-dlp, gallery-dl, winhttprequest, mojolicious, erlang, libsoup-client
        """),
    ),
    (
        "bot.other",
        _names("""
            adsbot-google, mediapartners-google, apis-google, google-safety, google-read-aloud,
            google-site-verification, google-adwords, ia_archiver, heritrix, nutch, turnitin, virustotal,
            censysinspect, zgrab, masscan, nmap scripting engine, nikto, sqlmap, wpscan, acunetix, nessus,
            openvas, wfuzz, gobuster, dirbuster, fuzz faster u fool, nuclei, whatweb, palo alto networks,
            netcraft, w3c_, w3c-, validator.nu, xenu link sleuth, archive-it, ghost inspector,
            googleagent-mariner, google-agent, google favicon, grub-client, larbin
        """),
    ),
)
"""Label and the names it goes with, wherever in the text they stand; the first that is found decides."""

PRODUCTS: Final[dict[str, str]] = {
    **dict.fromkeys(
        _names("""
            aria2, axel, axios, bun, colly, curl, deno, faraday, fasthttp, gatling, got, hey, htmlparser,
            httpie, httpx, hyper, java, jmeter, k6, lftp, locust, luasocket, lwp, mechanize, needle, node,
            npm, okhttp, perl, phin, php, pip, pip3, pnpm, poco, puf, python, rest-client, ruby, siege,
            superagent, undici, unirest, ureq, vegeta, wget, wget2, wrk, yarn
        """),
        "ua.library",
    ),
    "htdig": "bot.other",
}
"""Label by the first product name of the text, where the name alone is too short to look for elsewhere."""

ROBOT_ENDINGS: Final = _names("""
    robot, bot, bots, crawl, crawler, spider, scraper, fetcher, scanner, checker, validator, indexer,
    archiver, monitoring, preview, downloader
""")
"""Endings of words that name a machine's work; no browser's name has one of them."""

DEVICES: Final = frozenset(("cubot",))
"""Words that end like a robot's and are none: a maker of telephones."""

OLD_BROWSERS: Final = _names("msie, konqueror, trident, opera, yahoo, teleca, chameleon")
"""Browsers that call themselves `compatible`, which otherwise only robots do."""
