"""The policies under config/, their remarks, and the schema that editors check them with."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter
from ruamel.yaml import YAML

from trafficguard.actions import PassAction
from trafficguard.commands.schema import as_text
from trafficguard.errors import Place
from trafficguard.policy.defaults import BALANCED
from trafficguard.policy.engine import Policy, plain_facts
from trafficguard.policy.model import ActionSettings, PolicyFile
from trafficguard.policy.schema import json_schema
from trafficguard.scoring.score import score_of
from trafficguard.sources.document import read_text
from trafficguard.sources.packs import PACKS, policy_path
from trafficguard.sources.policy_file import read_policy, read_policy_text
from trafficguard.sources.schema import group_at, names_in
from trafficguard.sources.tree import Tree

CONFIG = Path(__file__).parents[2] / "config"
CORPUS = Path(__file__).parents[1] / "corpus"


def text_of(name: str) -> str:
    return (CONFIG / f"{name}.yaml").read_text()


def switched_on(text: str) -> str:
    """`text` with its examples in force: all that stands behind a # without one blank after it."""
    return re.sub(r"(?m)^( *)#(?=[^ ]|  )", r"\1", text)


def policy_of(text: str) -> Policy:
    read = read_policy_text(text)
    assert read.complaints == []
    assert read.policy is not None
    return read.policy


def tree_of(text: str) -> Tree:
    tree = Tree(Place("pack"))
    assert read_text(text, "pack", tree) == []
    return tree


@pytest.mark.parametrize("name", PACKS)
def test_the_installed_program_has_the_pack_as_it_stands_under_config(name: str) -> None:
    assert policy_path(name).read_text() == text_of(name)


def test_what_is_no_pack_is_a_path() -> None:
    assert (policy_path("./strict"), policy_path("/etc/own.yaml")) == (Path("strict"), Path("/etc/own.yaml"))


@pytest.mark.parametrize("name", PACKS)
def test_a_pack_can_be_used_and_is_called_as_its_file(name: str) -> None:
    read = read_policy(CONFIG / f"{name}.yaml")
    assert read.complaints == []
    assert read.policy is not None
    assert read.policy.file.name == name
    read.policy.self_test()


@pytest.mark.parametrize("name", PACKS)
def test_the_examples_of_a_pack_can_be_used(name: str) -> None:
    policy = policy_of(switched_on(text_of(name)))
    wanted = {"payment-webhooks", "monitoring", "partner-api", "office"}
    assert wanted <= {rule.name for rule in policy.file.rules}
    policy.self_test()


def test_the_balanced_file_is_the_default_of_the_code() -> None:
    assert policy_of(text_of("balanced")).file == BALANCED


def test_monitor_notes_what_balanced_would_do() -> None:
    monitor = policy_of(text_of("monitor")).file
    assert monitor.mode == "shadow"
    assert monitor.model_copy(update={"name": "balanced", "mode": "enforce"}) == BALANCED


# ---- what the packs decide


def action(policy: Policy, score: float, **facts: Any) -> str:
    return policy.decide(plain_facts(score=score, **facts), policy.new_errors()).action.word


STRENGTH = ("pass", "throttle", "challenge", "block")


def test_strict_is_nowhere_milder_than_balanced() -> None:
    balanced, strict = policy_of(text_of("balanced")), policy_of(text_of("strict"))
    for route in ("page", "item", "search", "asset", "api", "login", "checkout"):
        for score in range(101):
            for labels in ((), ("bot.search",), ("ua.library",)):
                mild, hard = (action(one, score, route=route, labels=labels) for one in (balanced, strict))
                assert STRENGTH.index(hard) >= STRENGTH.index(mild), (route, score, labels)


@pytest.mark.parametrize("name", PACKS)
@pytest.mark.parametrize("route", ["page", "item", "login", "asset", "api"])
def test_a_newcomer_passes_everywhere(name: str, route: str) -> None:
    policy = policy_of(text_of(name))
    assert policy.decide(plain_facts(route=route), policy.new_errors()).action == PassAction()


def test_parts_of_a_page_are_never_held_back() -> None:
    for name in PACKS:
        policy = policy_of(text_of(name))
        assert {action(policy, score, route="asset") for score in range(101)} == {"pass", "block"}


def test_under_pressure_balanced_asks_sooner() -> None:
    policy = policy_of(text_of("balanced"))
    facts = plain_facts(score=score_of(4.3))
    assert policy.decide(facts, policy.new_errors()).rule == "rest-40"
    facts.load = 2.0
    assert policy.decide(facts, policy.new_errors()).rule == "pressure-40"


def test_the_examples_let_payments_in_and_impostors_out() -> None:
    policy = policy_of(switched_on(text_of("balanced")))
    path = "/webhooks/payment/done"
    assert action(policy, 99, path=path, address="203.0.113.66") == "pass"
    assert action(policy, 1, path=path, address="203.0.113.1") == "block"
    assert action(policy, 99, address="198.51.100.7") == "pass"
    assert action(policy, 99, path="/wp-login.php") == "tarpit"


# ---- remarks


def knobs(group: type[BaseModel]) -> set[tuple[str, str]]:
    """Every setting below a group, by the class it is in and its name."""
    found: set[tuple[str, str]] = set()
    for name in names_in(group):
        if group is not ActionSettings:
            found.add((group.__name__, name))
        for steps in ((name,), (name, 0), (name, "any")):
            inner = group_at(steps, group)
            if inner is not None:
                found |= knobs(inner)
    return found


def test_every_knob_has_a_remark_with_its_default() -> None:
    # The second time: what stands beside an example and cannot be used without a file of one's own.
    text = switched_on(switched_on(text_of("balanced")))
    tree, lines = tree_of(text), text.splitlines()
    wanted, wrong = knobs(PolicyFile), []
    for steps, place in sorted(tree.key_places.items(), key=lambda item: item[1].line or 0):
        group, name = group_at(steps[:-1], PolicyFile), str(steps[-1])
        if group is None or (group.__name__, name) not in wanted:
            continue
        line = lines[(place.line or 1) - 1]
        above = lines[(place.line or 2) - 2]
        remark = line.split(" # ", 1)[-1] if " # " in line else above.partition("# ")[2]
        wanted.remove((group.__name__, name))
        field = next(one for key, one in group.model_fields.items() if (one.alias or key) == name)
        if not remark or not (field.is_required() or says_default(remark, field)):
            wrong.append(line)
    assert wrong == []
    assert wanted == set()


def says_default(remark: str, field: Any) -> bool:
    """Whether a remark ends with `default X`, and X is what the code has."""
    found = re.search(r"default (\S+)$|default (null): the catalog$", remark)
    if found is None:
        return False
    written = YAML(typ="safe").load(found[1] or found[2])
    shape = field.annotation if not field.metadata else _annotated(field)
    return bool(TypeAdapter(shape).validate_python(written) == field.default)


def _annotated(field: Any) -> Any:
    from typing import Annotated

    return Annotated[(field.annotation, *field.metadata)]


# ---- the schema


def test_the_schema_in_the_repository_is_the_one_of_the_code() -> None:
    assert (CONFIG / "policy.schema.json").read_text() == as_text()


def validator() -> Any:
    jsonschema = pytest.importorskip("jsonschema", reason="needs pip install trafficguard[test]")
    jsonschema.Draft202012Validator.check_schema(json_schema())
    return jsonschema.Draft202012Validator(json_schema())


@pytest.mark.parametrize("name", PACKS)
def test_packs_and_their_examples_fit_the_schema(name: str) -> None:
    for text in (text_of(name), switched_on(text_of(name))):
        assert [error.message for error in validator().iter_errors(tree_of(text).values)] == []


def test_good_policies_fit_the_schema() -> None:
    for file in (CORPUS / "good").glob("*.yaml"):
        assert [error.message for error in validator().iter_errors(tree_of(file.read_text()).values)] == []


@pytest.mark.parametrize(
    "name",
    [
        "action_unknown", "action_two_words", "action_none", "rule_without_when", "unknown_setting",
        "throttle_key_misspelt", "throttle_rate_zero", "threshold_route_unknown", "signal_unknown", "when_is_a_list",
        "policy_mode_misspelt", "block_status_of_success",
    ],
)  # fmt: skip
def test_the_schema_refuses_what_has_the_wrong_shape(name: str) -> None:
    values = tree_of((CORPUS / "bad" / f"{name}.yaml").read_text()).values
    assert not validator().is_valid(values)


def test_the_schema_tells_editors_what_fields_there_are() -> None:
    described = json.dumps(json_schema())
    assert "time.weekday" in described
    assert '"title": "Rate"' not in described
