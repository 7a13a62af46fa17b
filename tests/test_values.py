"""The text forms of single settings."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trafficguard.values import (
    BadValueError,
    parse_admin_listen,
    parse_count,
    parse_duration,
    parse_host,
    parse_listen,
    parse_network,
    parse_number,
    parse_path,
    parse_server,
    parse_size,
    shown,
    split_place,
)

PARSERS = (
    parse_admin_listen,
    parse_count,
    parse_duration,
    parse_host,
    parse_listen,
    parse_network,
    parse_number,
    parse_path,
    parse_server,
    parse_size,
)

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(value=ANYTHING)
def test_every_parser_gives_a_value_or_says_what_to_write_instead(value: object) -> None:
    for parse in PARSERS:
        try:
            parse(value)
        except BadValueError as error:
            assert str(error)
            assert error.remedy
            assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("250ms", 0.25),
        ("10s", 10.0),
        ("5m", 300.0),
        ("1h", 3600.0),
        ("1.5s", 1.5),
        (30, 30.0),
        (0.05, 0.05),
        ("7", 7.0),
    ],
)
def test_durations_are_read_in_seconds(text: object, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "10 s",
        "1d",
        "-1s",
        "0",
        0,
        "0ms",
        "",
        "s",
        True,
        None,
        float("inf"),
        float("nan"),
        "721h",
        "١s",
        "1s\n",
    ],
)
def test_other_durations_are_refused(text: object) -> None:
    with pytest.raises(BadValueError):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("512", 512),
        (512, 512),
        ("32KiB", 32768),
        ("1.5GiB", 1610612736),
        ("10MB", 10**7),
        ("1 kb", 1000),
        ("64k", 64000),
        ("8b", 8),
        (1e3, 1000),
    ],
)
def test_sizes_are_read_in_bytes(text: object, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text", ["0", "-5", "5 bits", "KiB", True, "1PiB", 10**300, "2000TiB", "0.1b", "1\n"]
)
def test_other_sizes_are_refused(text: object) -> None:
    with pytest.raises(BadValueError):
        parse_size(text)


def test_true_is_no_number() -> None:
    for parse in (parse_count, parse_number, parse_size, parse_duration):
        with pytest.raises(BadValueError, match="true is not"):
            parse(True)


@pytest.mark.parametrize(
    "place",
    [
        "127.0.0.1:8080",
        "[::1]:8080",
        "localhost:0",
        "0.0.0.0:65535",
        "my_host-1.example:80",
        "unix:/run/x.sock",
    ],
)
def test_listening_places_stay_as_they_are_written(place: str) -> None:
    assert parse_listen(place) == place


@pytest.mark.parametrize(
    "place",
    [
        "8080",
        ":8080",
        "127.0.0.1",
        "127.0.0.1:65536",
        "127.0.0.1:",
        "1.2.3:80",
        "::1:80",
        "[1.2.3.4]:80",
        "[::g]:80",
        "http://a:80",
        "a:80/",
        "user@a:80",
        "a b:80",
        "a:80\n",
        "a:+80",
        "unix:run/x",
        "unix:/run/",
        "unix:/" + "x" * 107,
        8080,
        None,
    ],
)
def test_other_listening_places_are_refused(place: object) -> None:
    with pytest.raises(BadValueError):
        parse_listen(place)


@pytest.mark.parametrize(
    "place", ["127.0.0.1:1", "127.8.9.1:1", "[::1]:1", "localhost:1", "unix:/run/x.sock"]
)
def test_the_admin_listener_may_be_reached_from_this_machine(place: str) -> None:
    assert parse_admin_listen(place) == place


@pytest.mark.parametrize(
    "place", ["0.0.0.0:1", "[::]:1", "10.0.0.1:1", "shop.example:1", "localhost.example:1"]
)
def test_the_admin_listener_may_not_be_reached_from_other_machines(place: str) -> None:
    with pytest.raises(BadValueError, match="other machines"):
        parse_admin_listen(place)


def test_the_admin_listener_can_be_left_out() -> None:
    assert parse_admin_listen("none") is None
    assert parse_admin_listen(None) is None


@pytest.mark.parametrize(
    ("origin", "kept"),
    [
        ("http://127.0.0.1:9000", "http://127.0.0.1:9000"),
        ("http://app/", "http://app"),
        ("HTTP://a:1", "http://a:1"),
        ("http://[2001:db8::1]:80", "http://[2001:db8::1]:80"),
        ("unix:/run/app.sock", "unix:/run/app.sock"),
    ],
)
def test_origins_are_a_scheme_a_host_and_a_port(origin: str, kept: str) -> None:
    assert parse_server(origin) == kept


@pytest.mark.parametrize(
    "origin",
    [
        "https://a",
        "a:80",
        "http://",
        "http://a/shop",
        "http://a?",
        "http://a#",
        "http://u@a",
        "http://a:0",
        "http://a:",
        "http://a:99999",
        "http://256.1.1.1",
        "http://a b",
        "ftp://a",
        "http://a\n",
        "unix:a",
        80,
        None,
    ],
)
def test_other_origins_are_refused(origin: object) -> None:
    with pytest.raises(BadValueError):
        parse_server(origin)


@given(host=st.sampled_from(["a", "127.0.0.1", "shop.example"]), port=st.integers(0, 65535))
def test_a_place_is_split_into_what_it_was_made_of(host: str, port: int) -> None:
    assert split_place(f"{host}:{port}") == (host, port)
    assert split_place(host) == (host, None)
    assert split_place(f"[::1]:{port}") == ("::1", port)


@pytest.mark.parametrize(
    ("host", "kept"),
    [
        ("Shop.Example", "shop.example"),
        ("*", "*"),
        ("*.shop.example", "*.shop.example"),
        ("bücher.de", "bücher.de"),
        ("[::1]", "[::1]"),
    ],
)
def test_hosts_are_kept_in_lower_case(host: str, kept: str) -> None:
    assert parse_host(host) == kept


@pytest.mark.parametrize(
    "host", ["", "a:80", "http://a", "a/b", "*.", "*a", "a.*", "**", "a b", ".a", "a\n", "ü" * 70, 5, None]
)
def test_other_hosts_are_refused(host: object) -> None:
    with pytest.raises(BadValueError):
        parse_host(host)


def test_networks_and_single_addresses_are_read() -> None:
    assert parse_network("10.0.0.0/8") == ipaddress.ip_network("10.0.0.0/8")
    assert parse_network("192.0.2.1") == ipaddress.ip_network("192.0.2.1/32")
    assert parse_network("2001:db8::/32") == ipaddress.ip_network("2001:db8::/32")


def test_an_address_with_the_mask_of_its_network_is_refused_and_the_network_is_named() -> None:
    with pytest.raises(BadValueError) as caught:
        parse_network("10.1.2.3/8")
    assert "10.0.0.0/8" in caught.value.remedy


@pytest.mark.parametrize("path", ["api", "", "/a?b", "/a#b", "/a b", "/a\n", 5])
def test_a_path_starts_with_a_slash_and_has_neither_query_nor_fragment(path: object) -> None:
    with pytest.raises(BadValueError):
        parse_path(path)


def test_quoted_values_are_short_and_on_one_line() -> None:
    assert shown("a\nb") == r"'a\nb'"
    assert len(shown("x" * 1000)) == 60
    assert shown({"a": 1}) == "a group of settings"
