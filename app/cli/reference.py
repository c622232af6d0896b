"""Writes the reference pages of resources/help from the registries: checks, faults, causes, errors, commands, settings.

`python -m app.cli.reference` writes them; the tests compare them with what it would write.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from app.scenarios.fields import Field

HELP: Final = Path(__file__).parents[2] / "resources" / "help"


def checks() -> str:
    """Every check: what it makes sure of, how severe it is under each policy, the rule it follows."""
    from app.saml.checks import registered

    lines = ["# Checks", "", "What the validator checks, in the order of the report. Where two severities stand, the"]
    lines += ["first counts under the policy `strict`, the second under `diagnose`.", ""]
    group = ""
    for c in registered().values():
        if c.group != group:
            group = c.group
            lines += [f"## {group}", ""]
        severity = str(c.severity) if c.severity == c.diagnose else f"{c.severity} / {c.diagnose}"
        who = " Decides over the person, not over the message." if c.decides == "provisioning" else ""
        lines += [f"### `{c.id}`", f"Makes sure that {c.title}. ({severity}; {c.cites}){who}", "", c.explanation, ""]
    return _joined(lines)


def faults() -> str:
    """Every fault of the simulator: what it alters, the verdict and the check it must meet."""
    from simulator import all_faults

    lines = ["# Faults", "", "What the simulator can break. Type: H an honest signer's mistake, A an attacker with one"]
    lines += ["captured message, U an attacker without any. Controls (`ok-*`) must be accepted.", ""]
    family = ""
    for f in all_faults():
        if f.family != family:
            lines += [""] if family else []
            family = f.family
            lines += [f"## {family}", "", "| id | type | what it does | expected | check | see |"]
            lines.append("| --- | --- | --- | --- | --- | --- |")
        cells = (f"`{f.id}`", f.kind, f.summary, f.expects, f"`{f.breaks}`" if f.breaks else "", f.reference)
        lines.append("| " + " | ".join(" ".join(c.split()).replace("|", "\\|") for c in cells) + " |")
    return _joined(lines)


def errors() -> str:
    """Every error text that is explained: by whom it is said, what it means, who acts."""
    from app.saml.error_texts import rows

    lines = [
        "# Error texts",
        "",
        "Texts of identity providers, service providers and libraries that are explained without",
    ]
    lines += ["any message: paste them, or what they stand in. The wording is the vendors' and changes.", ""]
    vendor = ""
    for r in rows():
        if r.vendor_name != vendor:
            lines += [""] if vendor else []
            vendor = r.vendor_name
            checked = f"on {r.last_checked}" if r.last_checked else "never; take the wording as likely, not as certain"
            lines += [f"## {vendor}", "", f"Compared with the vendor's documents: {checked}.", ""]
            lines += ["| text | what it means | who acts | what to do |", "| --- | --- | --- | --- |"]
        code = f"{r.code}…" if r.family else r.code
        cells = (f"`{code.replace('`', '')}`", f"{r.title}. {r.cause}", r.who, r.fix["generic"])
        lines.append("| " + " | ".join(" ".join(c.split()).replace("|", "\\|") for c in cells) + " |")
    return _joined(lines)


def diagnoses() -> str:
    """Every cause that is named: what shows it, who acts, what to do at which vendor, and the fault that has it."""
    from app.saml.diagnoses import knowledge_of, registered
    from app.saml.diagnoses.knowledge import sources

    lines = ["# Causes", "", "What the program names as the cause of a failed login, in order of rank: the first that"]
    lines += ["explains a finding keeps it. Steps marked * have labels that no document of the vendor confirmed.", ""]
    stage = ""
    for d in sorted(registered().values(), key=lambda d: d.stage):
        known = knowledge_of(d.stage, d.id)
        if d.stage != stage:
            stage = d.stage
            lines += [f"## {stage}", "", f"Labels of vendors as of {known.last_checked}.", ""]
        facts = [d.number, f"acts: {d.who}", f"shown by: {d.shown_by}", f"fault: `{d.fault}`" if d.fault else ""]
        lines += [f"### `{d.id}`", f"{d.title}. ({'; '.join(f for f in facts if f)})", ""]
        for vendor, steps in known.steps.items():
            mark = "*" if vendor in known.unconfirmed else ""
            lines.append(f"- {vendor}{mark}: {' '.join(steps)}")
        if known.sp_steps:
            lines.append(f"- here: {' '.join(known.sp_steps)}")
        if d.checks or d.notes:
            lines += ["", f"Checks: {', '.join(f'`{c}`' for c in (*d.checks, *d.notes))}."]
        if known.codes:
            lines += ["", f"Elsewhere: {'; '.join(known.codes)}."]
        if known.sources:
            lines += ["", f"Sources: {'; '.join(sources()[s] for s in known.sources)}."]
        lines.append("")
    return _joined(lines)


def commands() -> str:
    """Every command with its own help."""
    from app.cli import root

    lines = ["# Command line", "", "Exit codes: 0 all well, 1 something was rejected or is not as expected, 2 usage or"]
    lines += ["input that cannot be read at all, 3 the environment is unfit.", ""]
    for name, text in _help(root, "sso-workbench", None):
        lines += [f"## {name}", "", "```text", text.rstrip(), "```", ""]
    return _joined(lines)


def _help(command: click.Command, name: str, parent: click.Context | None) -> Iterator[tuple[str, str]]:
    context = click.Context(
        command,
        info_name=name,
        parent=parent,
        max_content_width=100,
        terminal_width=100,
        help_option_names=["-h", "--help"],
    )
    yield context.command_path, command.get_help(context)
    if isinstance(command, click.Group):
        for sub in command.list_commands(context):
            found = command.get_command(context, sub)
            if found is not None and not found.hidden:
                yield from _help(found, sub, context)


def settings() -> str:
    """Every setting of a workspace and every provisioning policy."""
    from app.accounts.policies import CHOICES, DECISIONS
    from app.sso.settings import SETTINGS

    lines = ["# Settings and decisions", "", "## Settings", ""]
    for s in SETTINGS:
        default = ", ".join(map(str, s.default)) if isinstance(s.default, list) else s.default
        lines += [
            f"### {s.title} (`{s.name}`)",
            f"{s.explanation} Default: {default if default != '' else 'none'}.",
            *([f"What it costs: {s.cost}"] if s.cost else []),
            "",
        ]
    lines += ["## Provisioning decisions", "", "| # | case | decision | reason codes |", "| --- | --- | --- | --- |"]
    for d in DECISIONS:
        codes = " ".join(f"`{r}`" for r in d.reasons)
        lines.append(f"| {d.number} | {d.case} | {d.decision} | {codes} |")
    lines += ["", "## What can be chosen", ""]
    for c in CHOICES:
        lines += [f"### {c.title} (`{c.name}`)", *(f"- `{value}`: {title}" for value, title in c.options.items())]
        lines += [f"- What it costs: {c.cost}", ""]
    lines += _decided()
    return _joined(lines)


def _decided() -> list[str]:
    """What an account may decide beside the settings and decisions above."""
    from app.sso.choices import CHOICES

    named = [c for c in CHOICES if c.group in ("claims", "relay-state")]
    others = ", ".join(f"`{c.name}`" for c in CHOICES if c not in named)
    lines = [
        "## What an account decides for itself",
        "",
        "On the settings page, or with `config set --choose NAME=VALUE`; kept in the revisions of its configuration. "
        f"These of the above: {others}. And these:",
        "",
    ]
    for c in named:
        lines += [f"### {c.title} (`{c.name}`)", c.explanation, f"What it costs: {c.cost}", ""]
    return lines


def scenarios() -> str:
    """How a scenario is written: its parts, every action, every expectation; and the ones that are here."""
    from app.scenarios import EXPECTATIONS, actions, shipped
    from app.scenarios.at_the_idp import PERSON
    from app.scenarios.reading import START

    lines = [
        "# Scenarios",
        "",
        "A scenario is a TOML file: a chain of steps, each with what must be so after it. It runs",
    ]
    lines += ["over real HTTP on a workspace that is thrown away: `sso-workbench trial --scenario FILE`.", ""]
    lines += ["```toml", *_SAMPLE.strip().splitlines(), "```", "", "## The start", "", "In `[start]`:", ""]
    lines += _keys(START)
    lines += ["- `users` (list of tables): whom the account has already, each with `who`, `role` and maybe `name`.", ""]
    lines += [
        "The directory has eight people (ada, grace, linus, margaret, zoe, wei; alan is disabled, katherine has no"
    ]
    lines += [
        "application). More are written as `[[people]]`, with `who` and:",
        "",
        *_keys(PERSON),
        "",
        "## Actions",
        "",
    ]
    lines += ["Each step is a `[[steps]]` with `do`, the keys of its action, and maybe `note` and `expect`.", ""]
    for a in actions().values():
        lines += [f"### `{a.id}`", a.about, "", *_keys(a.fields), *([""] if a.fields else [])]
    lines += ["## Expectations", "", "In a step's `expect`; where it is long, as `[steps.expect]` under the step.", ""]
    lines += _keys({n: e.value for n, e in EXPECTATIONS.items()})
    lines += [
        "- `of` (a text): whom `user`, `role`, `name`, `email` and `logins` are about, where it is somebody else.",
        "",
    ]
    lines += ["## Scenarios that are here", "", "| id | decision | what |", "| --- | --- | --- |"]
    lines += [f"| `{s.id}` | {s.decision or ''} | {s.title}. {s.about} |" for s in shipped()]
    return _joined(lines)


_SAMPLE: Final = """
title = "The last seat"

[start]
seats = 1

[[steps]]
do = "log-in"
who = "grace"
expect = { verdict = "accept", outcome = "created", seats = 1 }

[[steps]]
do = "log-in"
who = "linus"
expect = { verdict = "not-provisioned", reason = "seat.limit-reached", user = "nobody" }
"""


def _keys(fields: Mapping[str, Field]) -> list[str]:
    """A list of keys: name, kind, what it means, and what can be chosen."""
    lines = []
    for name, field in fields.items():
        must = ", needed" if field.required else ""
        choices = f" One of: {', '.join(f'`{c}`' for c in field.choices)}." if field.choices else ""
        lines.append(f"- `{name}` ({field.words}{must}): {field.about}{choices}")
    return lines


def _joined(lines: list[str]) -> str:
    return "\n".join(lines).rstrip() + "\n"


PAGES: Final[dict[str, Callable[[], str]]] = {
    "checks.md": checks,
    "faults.md": faults,
    "error-texts.md": errors,
    "diagnoses.md": diagnoses,
    "command-line.md": commands,
    "settings.md": settings,
    "scenarios.md": scenarios,
}


def main() -> None:
    """Write every page."""
    for name, page in PAGES.items():
        (HELP / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
