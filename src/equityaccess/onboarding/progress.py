"""How far an LEA has come on a track, and how far all of them have. Pure.

What does not apply is neither done nor left to do: it counts in no share. Only LEAs that take part are counted.
"""

from collections.abc import Iterable, Mapping
from datetime import date

import msgspec

from equityaccess.onboarding.dates import Dates
from equityaccess.onboarding.playbook import GO_LIVE, Playbook
from equityaccess.onboarding.rules import Status

_NOTHING = Status()


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far one LEA has come on one track."""

    gates_passed: int
    gates: int
    weight_done: int
    weight: int  # of the milestones that apply
    waived: int  # gates that passed with a waiver
    days_behind: int  # business days from the planned to the forecast go-live, or the actual one
    is_live: bool
    is_onboarded: bool  # live, and past the last gate
    next_gate: str | None
    next_gate_on: date | None  # forecast
    go_live_on: date  # actual, else forecast


def progress(playbook: Playbook, statuses: Mapping[str, Status], days: Mapping[str, Dates]) -> Progress:
    """The progress of an LEA whose milestones are in *statuses*, with their *days*."""
    states = {key: statuses.get(key, _NOTHING) for key in playbook}
    applies = [key for key in playbook if states[key].state != "not_applicable"]
    done = [key for key in applies if states[key].state == "done"]
    gates = sorted((key for key in applies if playbook[key].is_gate), key=lambda key: playbook[key].place)
    open_gates = [key for key in gates if states[key].state != "done"]
    is_live = states[GO_LIVE].state == "done"
    return Progress(
        gates_passed=len(gates) - len(open_gates),
        gates=len(gates),
        weight_done=sum(playbook[key].weight for key in done),
        weight=sum(playbook[key].weight for key in applies),
        waived=sum(states[key].waiver is not None for key in gates),
        days_behind=days[GO_LIVE].slip_days,
        is_live=is_live,
        is_onboarded=is_live and bool(gates) and states[gates[-1]].state == "done",
        next_gate=open_gates[0] if open_gates else None,
        next_gate_on=days[open_gates[0]].forecast_on if open_gates else None,
        go_live_on=days[GO_LIVE].forecast_on,
    )


class Onboarded(msgspec.Struct, frozen=True, kw_only=True):
    """How many of the LEAs that take part are onboarded: live, and past the last gate."""

    participating: int
    live: int
    onboarded: int
    gates_passed: int
    gates: int
    weight_done: int
    weight: int


def together(every: Iterable[Progress]) -> Onboarded:
    """The progress of all of *every*, which are LEAs that take part."""
    some = list(every)
    return Onboarded(
        participating=len(some),
        live=sum(one.is_live for one in some),
        onboarded=sum(one.is_onboarded for one in some),
        gates_passed=sum(one.gates_passed for one in some),
        gates=sum(one.gates for one in some),
        weight_done=sum(one.weight_done for one in some),
        weight=sum(one.weight for one in some),
    )
