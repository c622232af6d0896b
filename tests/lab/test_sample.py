"""The sample is a good message of a fresh key whose only fault is the misspelt role."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

from app.lab.sample import MISSPELT, make_sample
from app.product import IMAGEKIT

NOW = datetime(2026, 11, 23, 20, 36, tzinfo=UTC)


def test_every_sample_is_made_anew_for_the_account() -> None:
    made = [
        make_sample(lambda: NOW, imagekit_id="ik_child", entity_id=IMAGEKIT.entity_id, acs_url=IMAGEKIT.acs_url)
        for _ in range(2)
    ]
    assert made[0] != made[1]
    xml = base64.b64decode(made[0].message)
    assert MISSPELT.encode() in xml
    assert b"ik_child" in xml
    assert b"EntityDescriptor" in made[0].metadata
    assert "PHN" not in repr(made[0]), "a message is not printed by accident"
