"""Checking the steps of a vendor's guide by what is saved and by the last response; nothing in this module writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from app.setup_guides import METADATA, RESPONSE, GuideStep, SetupGuide
from app.sso.configuration import ConfigurationVerbs
from app.sso.errors import NotFound
from app.store import EventFilter

if TYPE_CHECKING:
    from app.store import EventRecord
    from app.store.records import JudgedCheck

StepResult = Literal["pass", "fail", "waiting", "by-eye"]
_NOT_YET: Final = "No response has come yet. Log in once from the identity provider's portal, then check again."


@dataclass(frozen=True, slots=True)
class StepState:
    """One step of a guide as it is now. `sentence` says why; `checks` are the findings of the last response that fail.

    "by-eye": nothing here can tell, only what is seen at the vendor. `reference` names the attempt that was looked at.
    """

    step: GuideStep
    result: StepResult
    sentence: str
    checks: tuple[str, ...] = ()
    reference: str | None = None


class GuidingVerbs(ConfigurationVerbs):
    """The part of SSO that checks the steps of a guide."""

    def check_guide(self, account: int | str, vendor: str) -> tuple[StepState, ...]:
        """Every step of a vendor's guide, checked by the saved metadata and the newest response of the account."""
        with self.store.read() as tx:
            found = self._account(tx, account)
            guide = self._guide(self._sp_values(tx, found).guides, vendor)
            newest = tx.events(EventFilter(account=found.id, kind="login", origin=None), limit=20)
            event = next((e for e in map(tx.event, (n.reference for n in newest)) if e and e.checks), None)
            saved = found.sso_on
        return tuple(_state(step, saved, event) for step in guide.steps)

    @staticmethod
    def _guide(guides: tuple[SetupGuide, ...], vendor: str) -> SetupGuide:
        found = next((g for g in guides if g.id == vendor), None)
        if found is None:
            raise NotFound(f'There is no guide for "{vendor[:60]}". Guides: {", ".join(g.id for g in guides)}.')
        return found


def _state(step: GuideStep, saved: bool, event: EventRecord | None) -> StepState:
    if not step.proof:
        return StepState(step, "by-eye", "")
    if METADATA in step.proof and not saved:
        return StepState(step, "waiting", "No metadata is saved for this account yet.")
    asked = tuple(p for p in step.proof if p not in (METADATA, RESPONSE))
    if event is None:
        return StepState(step, "waiting", _NOT_YET)
    judged = {c.id: c for c in event.checks}
    failed = tuple(i for i in asked if i in judged and judged[i].status == "fail")
    warned = tuple(i for i in asked if i in judged and judged[i].status == "warn")
    if failed or warned:
        first = judged[(failed or warned)[0]]
        return StepState(step, "fail", first.message or f"{first.id} failed.", failed or warned, event.reference)
    return _passed(step, asked, judged, event)


def _passed(
    step: GuideStep, asked: tuple[str, ...], judged: Mapping[str, JudgedCheck], event: EventRecord
) -> StepState:
    """No check failed: it is proved only where one of them was really made."""
    made = [i for i in asked if i in judged and judged[i].status in ("pass", "info")]
    if asked and not made:
        sentence = "The last response did not get far enough to tell. Correct what it was refused for first."
        return StepState(step, "waiting", sentence, (), event.reference)
    return StepState(step, "pass", "The last response shows it.", (), event.reference)
