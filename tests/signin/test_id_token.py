"""What a provider says is believed only as far as it is signed, fresh, and meant for us, for this attempt."""

import base64
import hmac
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

from equityaccess.settings import Settings, SettingsError
from equityaccess.signin.id_token import Untrusted, claims_of, derived, granted, subject
from equityaccess.signin.providers import Grant, Provider, read_providers

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
AT = int(NOW.timestamp())
KEY = RSAKey.generate_key(2048, {"kid": "ours"})
STRANGER = RSAKey.generate_key(2048, {"kid": "ours"})
KEYS = KeySet([RSAKey.import_key(KEY.as_dict(private=False))])
PROVIDER = Provider(
    name="lacoe",
    title="A county office",
    issuer="https://login.microsoftonline.com/t-1/v2.0",
    client_id="equityaccess",
    client_secret_file="/nowhere",
    public_url="https://equityaccess.example",
    tenant="t-1",
    grants=[Grant(claim="groups", value="office", role="technology_office")],
)
GOOGLE = msgspec.structs.replace(
    PROVIDER, issuer="https://accounts.google.com", tenant="", hosted_domain="lacoe.example"
)
GOOD: dict[str, Any] = {
    "iss": PROVIDER.issuer,
    "aud": "equityaccess",
    "sub": "someone",
    "oid": "o-1",
    "tid": "t-1",
    "nonce": "n",
    "iat": AT,
    "exp": AT + 600,
}


def token(key: Any = KEY, alg: str = "RS256", **changes: Any) -> str:
    claims = {name: value for name, value in (GOOD | changes).items() if value is not ...}
    return jwt.encode({"alg": alg, "kid": "ours"}, claims, key, algorithms=[alg])


def unsigned(alg: str) -> str:
    parts = ({"alg": alg, "kid": "ours"}, GOOD)
    head, body = (base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
    return f"{head}.{body}."


def test_a_good_token_says_who_it_is() -> None:
    claims = claims_of(token(), KEYS, PROVIDER, "n", NOW)
    assert subject(claims) == f"{PROVIDER.issuer} o-1"
    assert subject(claims | {"oid": None}) == f"{PROVIDER.issuer} someone"


CLAIMS: list[dict[str, Any]] = [
    {"iss": "https://login.microsoftonline.com/t-2/v2.0"},
    {"iss": PROVIDER.issuer + "/"},
    {"iss": ...},
    {"aud": "somebody-else"},
    {"aud": ["somebody-else"]},
    {"aud": ["equityaccess", "somebody-else"]},
    {"aud": ["equityaccess", "somebody-else"], "azp": "somebody-else"},
    {"azp": "somebody-else"},
    {"aud": ...},
    {"aud": []},
    {"tid": "t-2"},
    {"tid": ...},
    {"nonce": "another"},
    {"nonce": ...},
    {"nonce": ""},
    {"exp": AT - 61},
    {"exp": ...},
    {"exp": True},
    {"iat": AT + 61},
    {"iat": ...},
    {"nbf": AT + 61},
    {"sub": ""},
    {"sub": ...},
]


@pytest.mark.parametrize("changes", CLAIMS, ids=str)
def test_a_token_that_says_something_else_is_not_believed(changes: dict[str, Any]) -> None:
    with pytest.raises(Untrusted):
        claims_of(token(**changes), KEYS, PROVIDER, "n", NOW)


def the_public_key_as_a_secret() -> str:
    signed = unsigned("HS256").rstrip(".")
    code = hmac.new(KEY.as_pem(private=False), signed.encode(), "sha256").digest()
    return f"{signed}.{base64.urlsafe_b64encode(code).decode().rstrip('=')}"


FORGED = {
    "no signature": lambda: unsigned("none"),
    "no signature, in capitals": lambda: unsigned("None"),
    "RS256 without one": lambda: unsigned("RS256"),
    "signed by a stranger": lambda: token(STRANGER),
    "the public key as a secret": the_public_key_as_a_secret,
    "another curve": lambda: token(ECKey.generate_key("P-384", {"kid": "ours"}), "ES384"),
    "cut short": lambda: token()[:-8],
    "nothing": lambda: "",
    "no token": lambda: "a.b.c",
}


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED)
def test_a_token_that_the_provider_did_not_sign_is_not_believed(forged: Any) -> None:
    with pytest.raises(Untrusted):
        claims_of(forged(), KEYS, PROVIDER, "n", NOW)


@pytest.mark.parametrize("domain", ["elsewhere.example", "", ...])
def test_a_google_account_of_another_domain_is_not_believed(domain: Any) -> None:
    with pytest.raises(Untrusted):
        claims_of(token(iss=GOOGLE.issuer, hd=domain), KEYS, GOOGLE, "n", NOW)
    assert claims_of(token(iss=GOOGLE.issuer, hd="lacoe.example"), KEYS, GOOGLE, "n", NOW)


def test_the_first_grant_that_is_fulfilled_counts() -> None:
    grants = [
        Grant(claim="groups", value="admins", role="admin"),
        Grant(claim="hd", value="abc.example", role="district", leas=["19642120000000"]),
    ]
    assert granted({"groups": ["x", "admins"], "hd": "abc.example"}, grants) == grants[0]
    assert granted({"groups": "adminsx", "hd": "abc.example"}, grants) == grants[1]
    assert granted({"email": "admins", "groups": [], "hd": None}, grants) is None


def test_state_nonce_and_verifier_are_three() -> None:
    assert len({derived("a", what) for what in ("state", "nonce", "verifier")} | {derived("b", "state")}) == 4


FILE = """
[[provider]]
name = "{name}"
title = "An office"
issuer = "{issuer}"
client_id = "equityaccess"
client_secret_file = "/run/secrets/oidc"
public_url = "{ours}"
{more}
[[provider.grants]]
claim = "groups"
value = "office"
role = "{role}"
"""
FINE = {
    "name": "lacoe",
    "issuer": "https://id.lacoe.example",
    "ours": "https://ea.example",
    "more": "",
    "role": "technology_office",
}


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({}, None),
        ({"issuer": "http://localhost:9400"}, None),
        ({"issuer": "http://id.lacoe.example"}, "https"),
        ({"ours": "http://ea.example"}, "https"),
        ({"issuer": "https://login.microsoftonline.com/common/v2.0"}, "tenant"),
        ({"issuer": "https://accounts.google.com"}, "hosted_domain"),
        ({"issuer": "https://accounts.google.com", "more": 'hosted_domain = "lacoe.example"'}, None),
        ({"role": "district"}, "LEAs"),
        ({"role": "king"}, "king"),
        ({"name": "A B"}, "name"),
        ({"more": "tennant = 1"}, "tennant"),
    ],
    ids=str,
)
def test_a_provider_that_cannot_be_trusted_is_refused_at_the_start(
    tmp_path: Path, changes: dict[str, str], fault: str | None
) -> None:
    file = tmp_path / "providers.toml"
    file.write_text(FILE.format(**FINE | changes))
    settings = Settings(identity_providers=str(file))
    if fault is None:
        assert [one.redirect_uri for one in read_providers(settings).values()] == [
            "https://ea.example/sign-in/from/lacoe"
        ]
    else:
        with pytest.raises(SettingsError, match=fault):
            read_providers(settings)
