"""What a proxied request costs in CPU time: TrafficGuard beside nginx, HAProxy, Caddy and an aiohttp proxy.

Promises: one command (`python -m loadtests.bench`) starts everything it needs on free ports of 127.0.0.1,
measures all targets interleaved, prints tables with the ratio to nginx, and stops everything again, also on
Ctrl-C.
Never: needs root, the network or files outside the repository (wrk, nginx, HAProxy and Caddy must be
installed).

How it is measured
    All targets proxy to one origin (an nginx of its own, 1 KiB from memory) and stay up during a whole
    workload. A round visits every target once, in an order that turns by one each round, so that a noisy
    machine favours nobody. A figure is the median over the rounds; a ratio is formed inside each round and
    the median of those is shown with the least and the greatest. CPU is user + system time of the target's
    whole process tree from /proc, supervisor and idle ticks included, from just before wrk starts until it
    has ended; wrk and the origin do not count. On loopback the kernel delivers a packet in the sender's time,
    so everybody pays for what they send. A target that answers anything but 200 with the origin's body, or
    loses the client address, is not measured, and a row with a single failed request is invalid.

What is configured, and why it is fair
    Everybody: one worker, access log off, kept connections to the origin never short (Caddy's default of 32
    idle ones and nginx's limit of 1,000 requests per connection are raised), Connection: close by the client
    ends only the client's connection, X-Forwarded-For is written.
    nginx: master and one worker, `limit_req` active for every request and too generous to refuse one.
    HAProxy: one thread, a stick table that counts and checks a request rate per client, `http-reuse always`.
    Caddy: GOMAXPROCS=1, plain `reverse_proxy`. It counts nothing: rate limiting is no part of Caddy as
    shipped.
    aiohttp: `aiohttp_proxy.py` on uvloop, low-level server (no routing), one shared client session,
    streaming. It counts nothing either.
    TrafficGuard: `serve --workers 1 --shadow`, everything else as by default: it judges, counts, meters and
    records every request, and acts on none, so that the same requests reach the origin through everybody.

The workloads
    hot: one head of ten headers as Firefox sends them. Every cache hits.
    mixed: more than 1,000 different recorded heads (`heads.py`) times 50,000 client addresses (`crowd.py`) by
    X-Forwarded-For from a trusted peer. nginx (realip), HAProxy (set-src), Caddy (trusted_proxies) and
    TrafficGuard (trusted.peers) all take the client's address from there; aiohttp only passes it on.

The connection styles
    keep-alive: wrk's connections stay open. new-connection: each request brings Connection: close, so that
    accepting, answering and closing a connection are in the figure.
"""
