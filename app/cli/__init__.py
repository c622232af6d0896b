"""The command line: its commands, each loaded only when it is called, and how errors end. It does no work itself.

Exit codes: 0 all well, 1 something was rejected or is not as expected, 2 usage or input that cannot be read at all,
3 the environment is unfit. Results go to stdout, everything else to stderr.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from typing import Any, Final

import click

from app import __version__
from app.cli.output import Unfit, Unreadable, quiet_stdout, sentence_of

#: Command → (module below app.cli, what it does in one line). The line stands here so that --help imports no module.
COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "gui": ("window", "Open the window (also what happens without a command)."),
    "inspect": ("inspection", "Decode and validate messages: files, folders or standard input."),
    "metadata": ("metadata", "Read IdP or SP metadata, or print ours."),
    "diff": ("diff", "Compare two messages, or two metadata documents, by meaning."),
    "trial": ("trial", "End to end over real loopback HTTP: every fault against our service provider."),
    "probe": ("probe", "The same faults against another service provider: what it accepts that it must refuse."),
    "idp": ("idp", "The simulated identity provider: serve, issue, list-faults, metadata."),
    "sp": ("sp", "Our service provider alone: serve."),
    "config": ("config", "The SSO configuration of an account: show, set, history, diff, restore, apply, test."),
    "log": ("log", "The log of logins and just-in-time provisioning, with its filters."),
    "users": ("users", "Users and seats: list, add, delete, stale."),
    "db": ("db", "The workspace database: upgrade, check, backup, copy."),
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called.

    Every module named in COMMANDS has one `command`. `--help` of the group reads the lines of COMMANDS only.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        found = importlib.import_module(f"app.cli.{COMMANDS[cmd_name][0]}").command
        assert isinstance(found, click.Command)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_module, line) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            import difflib  # only where a name was mistyped

            near = difflib.get_close_matches(name, COMMANDS, 1)
            hint = f' Did you mean "{near[0]}"?' if near else " See sso-workbench --help."
            ctx.fail(f'There is no command "{name}".{hint}')
        return super().resolve_command(ctx, args)


@click.group(
    cls=LazyGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog=(
        "\b\nExamples:\n"
        "  sso-workbench                                      opens the window\n"
        "  sso-workbench inspect mail.txt --idp-metadata idp.xml --at issue\n"
        "  sso-workbench trial --all --junit trial.xml\n"
        "  sso-workbench idp serve --vendor entra\n"
    ),
)
@click.option(
    "--workspace",
    metavar="URL",
    envvar="SSO_WORKBENCH_WORKSPACE",
    help="The database, as an SQLAlchemy URL or a file name; default: a file in your data folder.",
)
@click.version_option(__version__, prog_name="SSO Workbench")
@click.pass_context
def root(ctx: click.Context, workspace: str | None) -> None:
    """SSO Workbench: configure, try, inspect and explain SAML logins, and find seats of people who left."""
    ctx.obj = workspace
    if ctx.invoked_subcommand is None:
        found = root.get_command(ctx, "gui")
        assert found is not None
        ctx.invoke(found)


def run(arguments: Sequence[str]) -> int:
    """Run one command line and give the exit code. Every expected failure is one sentence on stderr."""
    try:
        result: Any = root.main(list(arguments), prog_name="sso-workbench", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.Exit as e:
        return int(e.exit_code)
    except click.ClickException as e:
        e.show()
        return 2
    except (click.Abort, KeyboardInterrupt):
        return _say("Stopped.", 130)
    except Unreadable as e:
        return _say(str(e), 2)
    except Unfit as e:
        return _say(str(e), 3)
    except (BrokenPipeError, SystemExit):  # click ends the process when a reader such as `head` goes away
        quiet_stdout()
        return 0
    except Exception as e:
        code = _code_of(e)
        if code is None:
            raise
        return _say(sentence_of(e), code)
    return result if isinstance(result, int) else 0


def _code_of(error: Exception) -> int | None:
    """The exit code of an error that our packages raise on purpose; None for a bug.

    The classes are looked up among the modules that are loaded: what has not been imported has raised nothing.
    """
    families = (
        ("app.store.errors", "StoreError", 3),
        ("simulator.errors", "PortTaken", 3),
        ("simulator.errors", "KeyRingError", 3),
        ("simulator.errors", "SimulatorError", 2),
        ("app.sso.errors", "Refused", 1),
        ("app.sso.errors", "SsoError", 2),
        ("app.saml.errors", "SamlError", 2),
        ("app.probe.answers", "ProbeError", 2),
        ("app.trial.kept", "TrialError", 2),
        ("app.scenarios.values", "ScenarioError", 2),
        ("app.gui.application", "NoDisplay", 3),
    )
    for module, name, code in families:
        loaded = sys.modules.get(module)
        kind = getattr(loaded, name, None)
        if isinstance(kind, type) and isinstance(error, kind):
            return code
    return None


def _say(sentence: str, code: int) -> int:
    print(sentence, file=sys.stderr)
    return code
