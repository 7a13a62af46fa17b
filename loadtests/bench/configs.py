"""The configuration of every target, as text. Why each line is there: see the package.

Promises: text from numbers, nothing else, so that a test and a reader see what ran.
Never: writes a file or starts a program (`targets`).
"""

from __future__ import annotations

import grp
import os
import pwd
from dataclasses import dataclass

NEVER_REACHED = 1_000_000
"""Requests per second from which nginx and HAProxy would refuse: counting is paid for, nobody is refused."""


@dataclass(frozen=True)
class Place:
    """Where a target stands."""

    port: int
    origin: int
    """Port of the origin."""
    trusting: bool
    """Take the client's address from X-Forwarded-For of a loopback peer."""


def nginx_base(http: str) -> str:
    """A one-worker nginx that stays in the foreground, writes below its own folder and logs no access."""
    user = f"user {pwd.getpwuid(0).pw_name} {grp.getgrgid(0).gr_name};\n" if os.geteuid() == 0 else ""
    return f"""{user}daemon off;
worker_processes 1;
pid nginx.pid;
error_log stderr error;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  keepalive_requests 1000000000;
{http.strip(chr(10))}
}}
"""


def nginx(place: Place) -> str:
    """nginx: `limit_req` per client, kept connections to the origin."""
    realip = """
  set_real_ip_from 127.0.0.0/8;
  real_ip_header X-Forwarded-For;"""
    return nginx_base(f"""
  limit_req_zone $binary_remote_addr zone=clients:32m rate={NEVER_REACHED}r/s;
  upstream origin {{
    server 127.0.0.1:{place.origin};
    keepalive 512;
    keepalive_requests 1000000000;
  }}{realip if place.trusting else ""}
  server {{
    listen 127.0.0.1:{place.port};
    location / {{
      limit_req zone=clients burst={NEVER_REACHED} nodelay;
      proxy_pass http://origin;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme;
    }}
  }}""")


def haproxy(place: Place) -> str:
    """HAProxy: a request rate per client in a stick table, checked on every request."""
    client = "    http-request set-src hdr_ip(x-forwarded-for,-1) if { src 127.0.0.0/8 }\n"
    return f"""global
    nbthread 1
    maxconn 4096
defaults
    mode http
    timeout connect 5s
    timeout client 75s
    timeout server 60s
    option forwardfor
    http-reuse always
frontend shop
    bind 127.0.0.1:{place.port}
    stick-table type ip size 200k expire 10m store http_req_rate(10s)
{client if place.trusting else ""}    http-request track-sc0 src
    http-request deny deny_status 429 if {{ sc_http_req_rate(0) gt {10 * NEVER_REACHED} }}
    default_backend origin
backend origin
    server origin 127.0.0.1:{place.origin}
"""


def caddy(place: Place) -> str:
    """Caddy: a plain reverse proxy with enough kept connections to the origin."""
    trust = "\n  servers {\n    trusted_proxies static 127.0.0.0/8\n  }" if place.trusting else ""
    return f"""{{
  admin off
  auto_https off
  persist_config off{trust}
}}
http://:{place.port} {{
  bind 127.0.0.1
  reverse_proxy 127.0.0.1:{place.origin} {{
    transport http {{
      keepalive_idle_conns_per_host 512
    }}
  }}
}}
"""


TRAFFICGUARD = """trusted:
  peers: [127.0.0.0/8]
  header: x-forwarded-for
"""
"""TrafficGuard needs a file only where it must trust a peer; all else is its default or a flag."""
