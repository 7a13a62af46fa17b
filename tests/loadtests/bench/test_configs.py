"""Tests of loadtests/bench/configs.py and origin.py."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from loadtests.bench import configs, origin
from loadtests.bench.configs import Place
from tests.conftest import Program

PLACES = [Place(18080, 19090, trusting=False), Place(18080, 19090, trusting=True)]
CONFIGS = [configs.nginx, configs.haproxy, configs.caddy]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("config", CONFIGS)
def test_every_target_listens_and_forwards_where_it_is_told(
    config: Callable[[Place], str], place: Place
) -> None:
    text = config(place)
    assert "18080" in text
    assert "127.0.0.1:19090" in text
    assert ("127.0.0.0/8" in text) is place.trusting


@pytest.mark.parametrize("text", [configs.nginx(place) for place in PLACES] + [origin.config(19090)])
def test_nginx_takes_its_configuration(text: str, program: Program, tmp_path: Path) -> None:
    path = tmp_path / "nginx.conf"
    path.write_text(text)
    subprocess.run([program("nginx"), "-t", "-e", "stderr", "-p", tmp_path, "-c", path], check=True)


@pytest.mark.parametrize("place", PLACES)
def test_haproxy_takes_its_configuration(place: Place, program: Program, tmp_path: Path) -> None:
    path = tmp_path / "haproxy.cfg"
    path.write_text(configs.haproxy(place))
    subprocess.run([program("haproxy"), "-c", "-f", path], check=True)


def test_trafficguard_is_told_whom_to_trust_and_nothing_else() -> None:
    assert YAML(typ="safe").load(configs.TRAFFICGUARD) == {
        "trusted": {"peers": ["127.0.0.0/8"], "header": "x-forwarded-for"}
    }


def test_the_origin_answers_one_kibibyte_that_no_configuration_parser_touches() -> None:
    assert len(origin.BODY) == 1024
    assert not set(origin.BODY) & set(b'$"\\')
