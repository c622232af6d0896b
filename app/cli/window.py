"""`gui`: opens the window on the workspace, or on a throw-away one filled by real simulated logins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from app.cli.workspace import named

if TYPE_CHECKING:
    from app.lab import Lab

#: Who logs in for the demonstration, with which faults: more people than seats, and the commonest mistakes.
_DEMO: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("ada", ()),
    ("grace", ()),
    ("linus", ()),
    ("margaret", ("id-full-name-missing",)),
    ("grace", ("route-audience-slash",)),
    ("zoe", ()),
    ("linus", ("id-role-title",)),
    ("wei", ()),
    ("ada", ("sig-tampered-content",)),
    ("ada", ()),
)


@click.command(
    "gui",
    epilog=(
        "\b\nExamples:\n"
        "  sso-workbench\n"
        "  sso-workbench gui --demo\n"
        "  sso-workbench --workspace customer.db gui --page log\n"
    ),
)
@click.option("--demo", is_flag=True, help="A throw-away workspace filled by real simulated logins.")
@click.option("--page", metavar="NAME", help="The page to begin with: overview, settings, inspector, log, ...")
@click.pass_context
def command(ctx: click.Context, demo: bool, page: str | None) -> int:
    """Open the window."""
    from app.gui.application import require_display, run

    require_display()
    from app.bootstrap import demo_workspace, open_workspace
    from app.gui.main_window import PAGES
    from app.lab import Lab

    if page is not None and page not in {name for name, *_ in PAGES}:
        raise click.UsageError(f'There is no page "{page}". Pages: {", ".join(name for name, *_ in PAGES)}.')
    with demo_workspace() if demo else open_workspace(named(ctx)) as workspace:
        lab = Lab(workspace.sso, workspace.simulator_folder, clock=workspace.now)
        try:
            if demo:
                fill(lab)
            return run(workspace, lab, page=page)
        finally:
            lab.stop()


def fill(lab: Lab) -> None:
    """Log the test organisation's people in, some with a fault, so that every page has something to show."""
    from app.bootstrap import FIRST_ACCOUNT

    imagekit_id = FIRST_ACCOUNT[0]
    lab.start()
    lab.connect(imagekit_id, "demonstration")
    for username, faults in _DEMO:
        lab.log_in(username, imagekit_id, faults=faults)
