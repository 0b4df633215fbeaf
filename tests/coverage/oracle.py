"""Coverage worked out slowly and plainly, straight from the glossary, to hold the SQL against."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True)
class Period:
    """What is true of an LEA from a day until the day before another."""

    valid_from: date
    valid_to: date
    kind: str
    county: str
    authorizer: str | None = None
    funding: str | None = None

    def holds(self, day: date) -> bool:
        return self.valid_from <= day < self.valid_to


@dataclass(frozen=True)
class Asked:
    """An indicator, as far as arithmetic goes."""

    unit: str
    counts_for_days: int
    asked_of: tuple[str, ...]


@dataclass(frozen=True)
class Seen:
    """One observation; `order` says which came later."""

    lea: str
    as_of: date
    order: int
    population: int
    met: int
    not_met: int
    not_applicable: int
    evidence: str
    valid_until: date | None


@dataclass(frozen=True)
class World:
    """The directory and the enrollment of a test."""

    leas: dict[str, list[Period]]
    enrollment: dict[tuple[str, str], list[tuple[date, int]]]  # (lea, group) -> [(census day, students)]

    def period(self, lea: str, day: date) -> Period | None:
        return next((p for p in self.leas[lea] if p.holds(day)), None)

    def family_of(self, lea: str, day: date) -> str | None:
        """The head of the LEA's authorizer family, if the LEA reports for itself and the family is the county's."""
        period = self.period(lea, day)
        if period is None or period.funding == "local":
            return None
        head = period.authorizer or lea
        head_period = self.period(head, day)
        return head if head_period and head_period.county == "19" else None

    def enrolled(self, lea: str, group: str, day: date) -> int | None:
        terms = sorted(self.enrollment.get((lea, group), []))
        if not terms:
            return None
        current = [students for census, students in terms if census <= day]
        return current[-1] if current else terms[0][1]


def counting(asked: Asked, seen: list[Seen], lea: str, day: date) -> Seen | None:
    """The observation of *lea* that counts on *day*: the newest, unless it ended or grew too old."""
    known = [s for s in seen if s.lea == lea and s.as_of <= day]
    if not known:
        return None
    newest = max(known, key=lambda s: (s.as_of, s.order))
    if newest.valid_until is not None and day > newest.valid_until:
        return None
    if day >= newest.as_of + timedelta(days=asked.counts_for_days):
        return None
    return newest


def figures(world: World, asked: Asked, group: str, seen: list[Seen], day: date) -> dict[str, tuple[object, ...]]:
    """(population, met, not_met, n/a, unknown, unheard, asked, heard, evidence) of each scope on *day*."""
    total: dict[str, list[int]] = defaultdict(lambda: [0] * 8)
    grades: dict[str, str] = {}
    for head, members in _families(world, day).items():
        asked_members = heard = population = 0
        for lea in members:
            kind = world.period(lea, day).kind
            if kind in asked.asked_of:
                asked_members += 1
                _add(total, ("county", kind), (0, 0, 0, 0, 0, 0, 1, 0))
            if counted := counting(asked, seen, lea, day):
                heard += 1
                population += counted.population
                unknown = max(0, counted.population - counted.met - counted.not_met - counted.not_applicable)
                _add(
                    total,
                    ("county", kind),
                    (counted.population, counted.met, counted.not_met, counted.not_applicable, unknown, 0, 0, 1),
                )
                for scope in ("county", kind):
                    grades[scope] = max(grades.get(scope, "A"), counted.evidence)
        students = world.enrolled(head, group, day)
        if asked.unit == "students" and students is not None and asked_members:
            unheard = max(0, students - population) if heard < asked_members else 0
            _add(total, ("county", world.period(head, day).kind), (unheard, 0, 0, 0, unheard, unheard, 0, 0))
    return {scope: (*values, grades.get(scope)) for scope, values in total.items()}


def _families(world: World, day: date) -> dict[str, list[str]]:
    families: dict[str, list[str]] = defaultdict(list)
    for lea in world.leas:
        if head := world.family_of(lea, day):
            families[head].append(lea)
    return families


def _add(total: dict[str, list[int]], scopes: tuple[str, ...], values: tuple[int, ...]) -> None:
    for scope in scopes:
        total[scope] = [a + b for a, b in zip(total[scope], values, strict=True)]
