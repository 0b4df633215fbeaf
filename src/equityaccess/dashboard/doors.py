"""Whom the pages are for: the roles of each, the front door of a role, and what its navigation leads to."""

from typing import Any, Final

import msgspec

from equityaccess.signin.structs import Role

# What stands in the ``opt`` of a page's route; the guard of all pages reads it.
FOR_EVERYBODY: Final[dict[str, Any]] = {"roles": None}
FOR_COUNTY: Final[dict[str, Any]] = {"roles": frozenset({"technology_office", "best_support", "admin"})}
FOR_DISTRICT: Final[dict[str, Any]] = {"roles": frozenset({"district"})}
FOR_COUNTY_AND_DISTRICTS: Final[dict[str, Any]] = {"roles": FOR_COUNTY["roles"] | FOR_DISTRICT["roles"]}
FOR_TECHNOLOGY_OFFICE: Final[dict[str, Any]] = {"roles": frozenset({"technology_office"})}
FOR_ADMIN: Final[dict[str, Any]] = {"roles": frozenset({"admin"})}
FOR_BEST_SUPPORT: Final[dict[str, Any]] = {"roles": frozenset({"best_support"})}

_FRONT_DOORS: Final[dict[Role, str]] = {
    "district": "/my",
    "technology_office": "/county",
    "best_support": "/triage",
    "admin": "/admin",
}


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of the navigation: an address, its name, and who is led there; nobody's role is None."""

    address: str
    name: str
    roles: frozenset[Role | None]


_EVERYBODY: Final[frozenset[Role | None]] = frozenset({None, "district", "technology_office", "best_support", "admin"})
_DISTRICT: Final[frozenset[Role | None]] = frozenset(FOR_DISTRICT["roles"])
_ADMIN: Final[frozenset[Role | None]] = frozenset(FOR_ADMIN["roles"])
_COUNTY: Final[frozenset[Role | None]] = frozenset(FOR_COUNTY["roles"])
# The names are texts of the templates' catalogue: `navigation` hands them to gettext as they are.
_PLACES: Final = (
    Place(address="/?indicator=home_internet", name="Public figures", roles=_EVERYBODY),
    Place(address="/my", name="Everything of mine", roles=_DISTRICT),
    Place(address="/submit", name="Send counts", roles=_DISTRICT),
    Place(address="/my/keys", name="Keys", roles=_DISTRICT),
    Place(address="/my/contacts", name="Contact points", roles=_DISTRICT),
    Place(address="/admin", name="Administration", roles=_ADMIN),
    Place(address="/admin/keys", name="Keys", roles=_ADMIN),
    Place(address="/county", name="County board", roles=_COUNTY),
    Place(address="/county/last-mile", name="Last mile", roles=_COUNTY),
    Place(address="/county/data", name="Data quality", roles=_COUNTY),
    Place(address="/waves", name="Waves", roles=_COUNTY),
    Place(address="/triage", name="Triage", roles=_COUNTY),
    Place(address="/docs", name="API", roles=_EVERYBODY),
    Place(address="/problems", name="Refusals", roles=_EVERYBODY),
)


def front_door(role: Role | None) -> str:
    """Where somebody in *role* is led from the bare address."""
    return _FRONT_DOORS[role] if role else "/"


def navigation(role: Role | None) -> list[Place]:
    """Where the navigation leads somebody in *role*."""
    return [place for place in _PLACES if role in place.roles]
