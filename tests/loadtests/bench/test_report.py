"""Tests of loadtests/bench/report.py."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import pytest
from rich.console import Console

from loadtests.bench import compare
from loadtests.bench.compare import Gap, Rows, checks
from loadtests.bench.machine import Circumstances
from loadtests.bench.report import COLUMNS, Report, lines, markdown, terminal, to_json
from tests.loadtests.bench.samples import HOT, plan, row

WHERE = Circumstances(
    started="2030-01-02T03:04:05+00:00",
    cpu="Example CPU",
    cores=2,
    kernel="Linux 6.1 x86_64",
    python="CPython 3.11.9",
    load=0.25,
    programs={"nginx": "nginx/1.22.1", "wrk": "wrk 4.1.0"},
    command="python -m loadtests.bench --rounds 3",
)


@pytest.fixture
def report(monkeypatch: pytest.MonkeyPatch) -> Report:
    """nginx twice as cheap as TrafficGuard; HAProxy fails, in the keep-alive table."""
    monkeypatch.setattr(compare, "GAPS", {})
    rows = [row("nginx", 20.0, 22.0, 21.0), row("haproxy"), row("trafficguard", 40.0, 44.0, 63.0)]
    rows[1].fail("ended with status 1: [bind] | failed")
    asked = plan("nginx", "haproxy", "trafficguard")
    return Report(asked, WHERE, Rows(rows), checks(Rows(rows), asked))


def test_a_line_shows_medians_and_the_ratio_with_its_range(report: Report) -> None:
    shown = {line[0]: line for line in lines(report, HOT)}
    assert shown["trafficguard"] == (
        "trafficguard",
        "44.0",
        "2.00",
        "2.00–3.00",
        "1,000",
        "1.50",
        "6.00",
        "0",
    )
    assert shown["nginx"][1:4] == ("21.0", "1.00", "1.00–1.00")


def test_an_invalid_row_shows_no_figure(report: Report) -> None:
    assert lines(report, HOT)[1] == ("haproxy", *["–"] * 6, "invalid")


def test_every_line_has_a_cell_per_column(report: Report) -> None:
    assert {len(line) for line in lines(report, HOT)} == {len(COLUMNS)}


def test_the_markdown_names_the_machine_the_programs_and_the_command(report: Report) -> None:
    text = markdown(report)
    assert "| trafficguard | 44.0 | 2.00 | 2.00–3.00 | 1,000 | 1.50 | 6.00 | 0 |" in text
    for fact in ("Example CPU, 2 cores", "Linux 6.1 x86_64", "CPython 3.11.9", "nginx/1.22.1", WHERE.command):
        assert fact in text


def test_the_terminal_fits_80_columns_and_shows_promises_and_faults(report: Report) -> None:
    output = io.StringIO()
    terminal(report, Console(file=output, width=80))
    text = output.getvalue()
    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text
    assert next(line.split() for line in text.splitlines() if line.strip().startswith("trafficguard ")) == [
        *("trafficguard", "44.0", "2.00", "2.00–3.00", "1,000", "1.50", "6.00", "0")
    ]
    flowing = " ".join(text.split())
    assert "trafficguard / nginx = 2.00, at most 1.60: FAILS" in flowing
    assert "hot, keep-alive, haproxy: ended with status 1: [bind] | failed" in flowing


@pytest.mark.parametrize(
    ("cost", "words"),
    [
        (40.0, "= 2.00, at most 1.60: fails, known gap (1.65 when it was recorded): a reason"),
        (30.0, "= 1.50, at most 1.60: HOLDS although it is a known gap: strike it from GAPS"),
    ],
)
def test_a_known_gap_is_told_with_its_figure_and_its_reason(
    cost: float, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compare, "GAPS", {(HOT, "nginx"): Gap(1.65, "a reason")})
    asked, rows = plan("nginx", "trafficguard"), Rows([row("nginx", 20.0), row("trafficguard", cost)])
    output = io.StringIO()
    terminal(Report(asked, WHERE, rows, checks(rows, asked)), Console(file=output, width=80))
    assert f"hot, keep-alive: trafficguard / nginx {words}" in " ".join(output.getvalue().split())


def test_wide_figures_still_fit(report: Report) -> None:
    output = io.StringIO()
    wide = [row("nginx", 10.0, 10.0), row("trafficguard", 1255.5, 1373.4), row("haproxy")]
    wide[2].fail("x")
    terminal(replace(report, rows=Rows(wide)), Console(file=output, width=80))
    assert "125.55–137.34" in output.getvalue()


def test_the_json_holds_figures_and_every_measurement(report: Report) -> None:
    document = json.loads(to_json(report))
    last = document["rows"][-1]
    assert last["ratio_to_nginx"] == pytest.approx({"median": 2.0, "least": 2.0, "greatest": 3.0})
    assert [one["round"] for one in last["samples"]] == [1, 2, 3]
    assert last["samples"][0]["requests"] == 1000
    assert document["rows"][1]["error"].startswith("ended with status 1")
    assert document["circumstances"]["cpu"] == "Example CPU"
    assert {check["holds"] for check in document["checks"]} == {False}
