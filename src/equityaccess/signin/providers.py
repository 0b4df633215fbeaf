"""Who vouches for people: identity providers as the operator names them in a file, and what their word is worth."""

import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from equityaccess.settings import Settings, SettingsError
from equityaccess.signin.structs import Role

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
# Providers that vouch for everybody in the world: without this claim any account of theirs would do.
_NEEDS: Final = {"login.microsoftonline.com": "tenant", "accounts.google.com": "hosted_domain"}
_NAME: Final = re.compile(r"\A[a-z][a-z0-9-]{0,31}\Z")


class Grant(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whoever's *claim* is *value*, or has it among its values, has *role*; a district that of *leas*."""

    claim: str
    value: str
    role: Role
    leas: list[str] = []


class Provider(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An OpenID provider. `tenant` and `hosted_domain` are what `tid` and `hd` must be; what is empty is not asked."""

    name: str
    title: str
    issuer: str
    client_id: str
    client_secret_file: str
    public_url: str
    tenant: str = ""
    hosted_domain: str = ""
    grants: Annotated[list[Grant], Meta(min_length=1)]

    @property
    def client_secret(self) -> str:
        """Read anew each time: it may be replaced while we run."""
        return Path(self.client_secret_file).read_text(encoding="utf-8").strip()

    @property
    def redirect_uri(self) -> str:
        """Where the provider sends people back to; it has to know this address."""
        return f"{self.public_url.rstrip('/')}/sign-in/from/{self.name}"


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    provider: list[Provider]


def read_providers(settings: Settings) -> dict[str, Provider]:
    """The providers of the file that the settings name, by name. Raises SettingsError for what cannot be trusted."""
    if not settings.identity_providers:
        return {}
    try:
        found: Any = tomllib.loads(Path(settings.identity_providers).read_text(encoding="utf-8"))
        providers = msgspec.convert(found, _File).provider
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise SettingsError(f"{settings.identity_providers}: {error}") from None
    for provider in providers:
        if fault := _fault(provider):
            raise SettingsError(f"{settings.identity_providers}: the provider {provider.name!r} {fault}.")
    return {provider.name: provider for provider in providers}


def _fault(provider: Provider) -> str | None:
    issuer = urlsplit(provider.issuer)
    needed = _NEEDS.get(issuer.hostname or "")
    if not _NAME.match(provider.name):
        return "needs a name of small letters, digits and hyphens"
    if not is_safe(provider.issuer) or not is_safe(provider.public_url):
        return "must be reached by https, and so must we"
    if needed and not getattr(provider, needed):
        return f"vouches for accounts of everybody: {needed} has to be set"
    if any((grant.role == "district") != bool(grant.leas) for grant in provider.grants):
        return "has to name the LEAs of each grant of the role district, and of no other"
    return None


def is_safe(url: str) -> bool:
    """Whether nobody on the way can read or change what goes to *url*."""
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
