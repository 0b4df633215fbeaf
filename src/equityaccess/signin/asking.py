"""Asking an identity provider: where to send a browser, and what the code that it brings back stands for."""

import base64
import hashlib
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

import httpx
import msgspec
import structlog
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from equityaccess.problems import Unavailable
from equityaccess.signin.id_token import Untrusted, claims_of, derived
from equityaccess.signin.providers import Provider, is_safe

_PATIENCE_S: Final = 5.0
_KEPT: Final = timedelta(hours=1)
_SCOPES: Final = "openid profile email"
_log = structlog.get_logger()


class _Metadata(msgspec.Struct, frozen=True):
    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str


class Asked:
    """One provider, with what it says of itself, which is asked anew every hour and where a key is not known."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self._known: tuple[_Metadata, KeySet, datetime] | None = None

    async def address(self, attempt: str, now: datetime) -> str:
        """Where to send the browser of *attempt*."""
        metadata, _ = await self._metadata(now)
        challenge = hashlib.sha256(derived(attempt, "verifier").encode()).digest()
        query = {
            "response_type": "code",
            "client_id": self.provider.client_id,
            "redirect_uri": self.provider.redirect_uri,
            "scope": _SCOPES,
            "state": derived(attempt, "state"),
            "nonce": derived(attempt, "nonce"),
            "code_challenge": base64.urlsafe_b64encode(challenge).decode().rstrip("="),
            "code_challenge_method": "S256",
        }
        return f"{metadata.authorization_endpoint}?{urlencode(query)}"

    async def claims(self, code: str, attempt: str, now: datetime) -> dict[str, Any]:
        """What the provider says of who came back with *code*. Raises Untrusted or Unavailable."""
        metadata, keys = await self._metadata(now)
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.provider.redirect_uri,
            "code_verifier": derived(attempt, "verifier"),
        }
        answer = await self._send("POST", metadata.token_endpoint, data=form)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise Untrusted(f"the provider gave no token: {answer.get('error')}")
        nonce = derived(attempt, "nonce")
        try:
            return claims_of(token, keys, self.provider, nonce, now)
        except Untrusted:  # perhaps it has a new key: once
            self._known = None
            _, keys = await self._metadata(now)
            return claims_of(token, keys, self.provider, nonce, now)

    async def _metadata(self, now: datetime) -> tuple[_Metadata, KeySet]:
        if self._known is None or self._known[2] < now - _KEPT:
            place = f"{self.provider.issuer.rstrip('/')}/.well-known/openid-configuration"
            try:
                metadata = msgspec.convert(await self._send("GET", place), _Metadata)
                places = (metadata.authorization_endpoint, metadata.token_endpoint, metadata.jwks_uri)
                if metadata.issuer != self.provider.issuer or not all(map(is_safe, places)):
                    raise Untrusted("the provider says that it is another")
                keys: Any = await self._send("GET", metadata.jwks_uri)
                self._known = metadata, KeySet.import_key_set(keys), now
            except (msgspec.ValidationError, JoseError, ValueError, KeyError) as error:
                raise _unavailable(error) from error
        return self._known[0], self._known[1]

    async def _send(self, method: str, url: str, data: dict[str, str] | None = None) -> dict[str, Any]:
        client = httpx.AsyncClient(timeout=_PATIENCE_S, follow_redirects=False)
        secret = (self.provider.client_id, self.provider.client_secret) if data is not None else None
        try:
            async with client:
                answer = await client.request(method, url, data=data, auth=secret)
            body: dict[str, Any] = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise _unavailable(error) from error
        return body


def _unavailable(error: Exception) -> Unavailable:
    _log.warning("identity_provider_unavailable", error=type(error).__name__)
    detail = "Your organization's sign-in does not answer. Try again, or ask the county office for a link."
    return Unavailable(detail, headers={"Retry-After": "10"})
