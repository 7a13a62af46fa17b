"""Settings out of file, environment and flags, and the policy that they name.

Precedence: flag, then TRAFFICGUARD_ environment variable, then file, then default. A list is overwritten as
a whole, a group setting by setting. A policy file that a settings file names is found from the folder of that file.

Promises: either complete and checked settings, or a `ConfigError` with everything that is wrong, each
complaint with its place and a remedy. Never: starts anything, or lets a key or variable pass that means
nothing.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError

from trafficguard.errors import Complaint, ConfigError, Place
from trafficguard.settings import AdminSettings, Settings
from trafficguard.sources.complaints import complaints_of
from trafficguard.sources.document import read_document
from trafficguard.sources.flags import apply_flags
from trafficguard.sources.packs import PACKS, policy_path
from trafficguard.sources.tree import Tree
from trafficguard.sources.variables import CONFIG, PREFIX, apply_variables

if TYPE_CHECKING:  # what builds policies takes a while to load, and operators in a hurry need none
    from trafficguard.policy.engine import Policy

_POLICY: Final = ("policy",)
_ADMIN: Final = ("admin", "listen")
_ANY_PACK: Final = " or ".join((", ".join(PACKS[:-1]), PACKS[-1]))


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings, and the places that they come from."""

    settings: Settings
    file: Path | None
    """The file that was read, if there is one."""
    tree: Tree
    """What was given, with places; a setting that is not in it has its default."""


def load_settings(file: Path | None, environ: Mapping[str, str], flags: Mapping[str, object]) -> Settings:
    """The settings that `file`, `environ` and `flags` (see `sources.flags`) amount to.

    Without `file`, TRAFFICGUARD_CONFIG in `environ` names it. Raises ConfigError with all complaints.
    """
    return load_with_places(file, environ, flags).settings


def load_with_places(file: Path | None, environ: Mapping[str, str], flags: Mapping[str, object]) -> Loaded:
    """As `load_settings`, and where each setting comes from."""
    file, tree, settings, complaints = _read(file, environ, flags)
    if settings is None or complaints:
        raise ConfigError(complaints)
    return Loaded(settings, file, tree)


def load_with_policy(
    file: Path | None, environ: Mapping[str, str], flags: Mapping[str, object]
) -> tuple[Loaded, Policy]:
    """As `load_with_places`, and the policy they name. Raises ConfigError with all complaints about both."""
    file, tree, settings, complaints = _read(file, environ, flags)
    policy: Policy | None = None
    try:
        if settings is not None:
            policy = load_policy_of(settings)[0]
        elif isinstance(named := tree.values.get("policy"), str) and named:
            load_policy(policy_path(_from_its_folder(named, tree, file)))
    except ConfigError as error:
        complaints += [_of_the_setting(one, tree) if one.place.line is None else one for one in error.complaints]
    if settings is None or policy is None or complaints:
        raise ConfigError(complaints)
    return Loaded(settings, file, tree), policy


def load_admin(file: Path | None, environ: Mapping[str, str], flags: Mapping[str, object]) -> AdminSettings:
    """Where the operators' door is. Whatever else is wrong with the settings does not keep them from it."""
    file, tree, settings, complaints = _read(file, environ, flags)
    if settings is not None:
        return settings.admin
    try:
        if tree.values or not file:
            return AdminSettings.model_validate(tree.values.get("admin", {}))
    except ValidationError:
        complaints = [one for one in complaints if one.place == tree.place_of(_ADMIN)] or complaints
    raise ConfigError(complaints)


def _read(
    file: Path | None, environ: Mapping[str, str], flags: Mapping[str, object]
) -> tuple[Path | None, Tree, Settings | None, list[Complaint]]:
    """The file that was read, what was given, and settings or what is wrong with them."""
    named = environ.get(CONFIG)
    if file is None and named is not None:
        if not named:
            complaint = Complaint(Place(CONFIG), "the variable is empty", f"name a file or unset {CONFIG}")
            raise ConfigError([complaint])
        file = Path(named)
    tree = Tree(Place("settings" if file is None else str(file)))
    complaints = [] if file is None else read_document(file, tree)
    can_be_checked = bool(tree.values) or not complaints
    complaints += apply_variables(environ, tree)
    apply_flags(flags, tree)
    settings: Settings | None = None
    if can_be_checked:
        try:
            settings = Settings.model_validate(tree.values)
        except ValidationError as failure:
            complaints += complaints_of(failure, tree)
    if settings is not None and settings.policy is not None:
        settings = settings.model_copy(update={"policy": _from_its_folder(settings.policy, tree, file)})
    return file, tree, settings, _one_for_each_place(sorted(complaints, key=_file_by_line))


def _from_its_folder(policy: str, tree: Tree, file: Path | None) -> str:
    """The name or path of a policy; a path in a settings file begins at the folder of that file."""
    is_in_file = file is not None and tree.place_of(_POLICY).line is not None
    return policy if policy in PACKS or file is None or not is_in_file else str(file.parent / policy)


def _of_the_setting(complaint: Complaint, tree: Tree) -> Complaint:
    """What is wrong with a policy file as a whole, said where the settings name it."""
    file, remedy = Path(complaint.place.source), complaint.remedy
    if not file.exists():
        close = difflib.get_close_matches(file.name, PACKS, n=1)
        remedy = f"did you mean '{close[0]}'?" if close else f"write the path of a policy file, or {_ANY_PACK}"
    return Complaint(tree.place_of(_POLICY), f"policy {file}: {complaint.message}", remedy)


def load_policy(file: Path, sites: Collection[str] | None = None) -> Policy:
    """The policy in `file`, ready to decide. `sites` are the first hosts of all sites, where they are known.

    Raises ConfigError with all complaints.
    """
    return load_policy_with_files(file, sites)[0]


def load_policy_of(settings: Settings) -> tuple[Policy, tuple[Path, ...]]:
    """The policy that `settings` name, or `balanced`, and the files it came from. Raises ConfigError."""
    if settings.policy is None:
        from trafficguard.policy.build import build
        from trafficguard.policy.defaults import BALANCED

        return build(BALANCED, sites=_first_hosts(settings)), ()
    policy, files = load_policy_with_files(policy_path(settings.policy), _first_hosts(settings))
    policy.self_test()
    return policy, files


def load_policy_with_files(
    file: Path, sites: Collection[str] | None = None
) -> tuple[Policy, tuple[Path, ...]]:
    """As `load_policy`, and the files it came from."""
    from trafficguard.sources.policy_file import read_policy

    read = read_policy(file, sites)
    if read.policy is None:
        raise ConfigError(read.complaints)
    return read.policy, read.files


def _first_hosts(settings: Settings) -> list[str]:
    return [site.hosts[0] for site in settings.sites]


def _file_by_line(complaint: Complaint) -> tuple[bool, int, int]:
    """Orders complaints as a reader meets them in the file; those about variables and flags follow."""
    place = complaint.place
    return place.source.startswith(("--", PREFIX)), place.line or 0, place.column or 0


def _one_for_each_place(complaints: list[Complaint]) -> list[Complaint]:
    """The first complaint about each place in a file: what follows from a broken value tells nothing new."""
    seen: set[Place] = set()
    kept = []
    for complaint in complaints:
        if complaint.place.line is None or complaint.place not in seen:
            kept.append(complaint)
        seen.add(complaint.place)
    return kept
