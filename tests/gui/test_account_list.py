"""A person works with several accounts: makes a list of them, changes some together, takes one in hand."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QItemSelectionModel

from tests.gui.bench import Bench, column, flush, press

ROWS = QItemSelectionModel.SelectionFlag.Select | QItemSelectionModel.SelectionFlag.Rows


def accounts(bench: Bench) -> Any:
    return bench.page("settings", "account").account.list


def choose(card: Any, *ids: str) -> None:
    card.table.clearSelection()
    for number, r in enumerate(card.table.model_.rows):
        if r.account.imagekit_id in ids:
            card.table.selectionModel().select(card.table.model_.index(number, 0), ROWS)
    flush()


def test_several_are_made_changed_together_and_one_taken_in_hand(bench: Bench) -> None:
    card = accounts(bench)
    assert not card.make.isEnabled()
    card.several.setPlainText("ik_a, Agency A, paid, 20\nik_b, Agency B")
    press(card, "Create accounts")
    assert card.banner.text == "2 accounts made."
    assert column(card.table, 1) == ["ik_7x2k", "ik_a", "ik_b"]
    choose(card, "ik_a", "ik_b")
    assert card.change.text() == "Change 2 accounts"
    assert not card.change.isEnabled()
    card.seats.setText("9")
    card.seats.textEdited.emit("9")
    card.price.setText("12 EUR")
    press(card, "Change 2 accounts")
    assert {(a.imagekit_id, a.seat_limit, a.seat_price) for a in bench.sso.accounts()} == {
        ("ik_7x2k", 5, None),
        ("ik_a", 9, "12 EUR"),
        ("ik_b", 9, "12 EUR"),
    }
    choose(card, "ik_b")
    press(card, "Take in hand")
    assert bench.desk.account == "ik_b"


def test_what_cannot_be_made_or_changed_is_told_and_nothing_is_done(bench: Bench) -> None:
    card = accounts(bench)
    card.several.setPlainText("ik_a, Agency A\nik_7x2k, Taken\nik_c, C, gold")
    press(card, "Create accounts")
    assert "Row 2: There is an account ik_7x2k already." in card.banner.text
    assert "Row 3: There is no plan" in card.banner.text
    assert len(bench.sso.accounts()) == 1
    assert card.several.toPlainText().startswith("ik_a")
    choose(card, "ik_7x2k")
    card.seats.setText("many")
    card.seats.textEdited.emit("many")
    press(card, "Change 1 account")
    assert "whole number" in card.banner.text
