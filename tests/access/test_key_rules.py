"""What a key looks like, and what is refused before anybody is asked."""

import re
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from equityaccess.access import rules
from equityaccess.access.structs import Caller, KeyIn, LeaCode, LiveKey
from equityaccess.problems import Invalid

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ABC = LeaCode(code="19642120000000", lea_id=7, name="ABC Unified")
ACTON = LeaCode(code="19753090000000", lea_id=8, name="Acton-Agua Dulce Unified")
KNOWN = {ABC.code: ABC, ACTON.code: ACTON}

random_bytes = st.binary(min_size=32, max_size=32)


def codes(wanted: KeyIn) -> list[str]:
    return [fault.code for fault in rules.faults(wanted, KNOWN)]


@given(random_bytes)
def test_every_key_is_well_formed_and_found_by_a_secret_scanner(random: bytes) -> None:
    secret = rules.new_secret(random)
    assert rules.well_formed(secret)
    assert re.findall(rules.SECRET_PATTERN, f'key = "{secret}"\n') == [secret]


@given(random_bytes, random_bytes)
def test_two_keys_are_alike_only_if_their_bytes_are(one: bytes, other: bytes) -> None:
    assert (rules.new_secret(one) == rules.new_secret(other)) == (one == other)


@given(random_bytes, st.integers(0, 58), st.characters())
def test_a_key_with_one_other_character_is_not_well_formed(random: bytes, place: int, character: str) -> None:
    secret = rules.new_secret(random)
    mistyped = secret[:place] + character + secret[place + 1 :]
    assert rules.well_formed(mistyped) == (mistyped == secret)


@given(random_bytes, st.integers(0, 57))
def test_a_key_with_two_neighbours_exchanged_is_not_well_formed(random: bytes, place: int) -> None:
    secret = rules.new_secret(random)
    exchanged = secret[:place] + secret[place + 1] + secret[place] + secret[place + 2 :]
    assert rules.well_formed(exchanged) == (exchanged == secret)


@pytest.mark.parametrize(
    "spoil", [lambda s: s + "\n", lambda s: " " + s, lambda s: s[:-1], lambda s: s * 200, lambda s: ""]
)
def test_a_key_of_another_length_is_not_well_formed(spoil) -> None:
    assert not rules.well_formed(spoil(rules.new_secret(bytes(32))))


def test_a_digit_of_another_script_is_not_well_formed() -> None:
    secret = rules.new_secret(bytes(32))
    assert "0" in secret
    assert not rules.well_formed(secret.replace("0", "٠", 1))  # noqa: RUF001, the point of the test


def test_a_secret_is_made_of_enough_random_bytes() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        rules.new_secret(b"too few")


def test_a_fingerprint_does_not_hold_the_secret() -> None:
    secret = rules.new_secret(bytes(range(32)))
    assert len(rules.fingerprint(secret)) == 32
    assert secret.encode() not in rules.fingerprint(secret)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({"leas": [ABC.code, ACTON.code]}, []),
        ({"scopes": ["county"], "leas": []}, []),
        ({"scopes": ["admin"], "leas": []}, []),
        ({"scopes": ["county", "push"]}, []),
        ({"scopes": []}, ["no-scope"]),
        ({"leas": []}, ["no-lea"]),
        ({"scopes": ["county", "read"], "leas": []}, ["no-lea"]),
        ({"scopes": ["county"]}, ["lea-without-use"]),
        ({"leas": ["19642120000001"]}, ["unknown-lea"]),
        ({"expires_in_days": 1}, []),
        ({"expires_in_days": 366}, []),
        ({"expires_in_days": 0}, ["out-of-range"]),
        ({"expires_in_days": 367}, ["out-of-range"]),
        ({"label": "SIS nightly export 2026-11-20"}, []),
        ({"label": "for 19642120000000"}, []),
        ({"label": "x" * 100}, []),
        ({"label": "x" * 101}, ["too-long"]),
        ({"label": "two\nlines"}, ["invalid-character"]),
        ({"label": "\0"}, ["invalid-character"]),
        ({"label": "sis@example.org"}, ["personal-data"]),
        ({"label": "078-05-1120"}, ["personal-data"]),
        ({"label": "call (562) 555-0134"}, ["personal-data"]),
        (
            {"label": "078-05-1120", "expires_in_days": 0, "leas": ["x"]},
            ["unknown-lea", "out-of-range", "personal-data"],
        ),
    ],
)
def test_every_fault_of_a_wanted_key_is_listed(changes: dict, expected: list[str]) -> None:
    assert codes(KeyIn(**{"scopes": ["push"], "leas": [ABC.code], **changes})) == expected


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"scopes": []}, "/scopes"),
        ({"leas": []}, "/leas"),
        ({"scopes": ["county"]}, "/leas"),
        ({"leas": [ABC.code, "x"]}, "/leas/1"),
        ({"expires_in_days": 0}, "/expires_in_days"),
        ({"label": "x" * 101}, "/label"),
        ({"label": "two\nlines"}, "/label"),
        ({"label": "sis@example.org"}, "/label"),
    ],
)
def test_a_fault_says_where_it_is_and_who_mends_it(changes: dict, pointer: str) -> None:
    (fault,) = rules.faults(KeyIn(**{"scopes": ["push"], "leas": [ABC.code], **changes}), KNOWN)
    assert (fault.pointer, fault.owner) == (pointer, "sender")


def test_at_most_three_leas_are_suggested_the_closest_first_and_each_once() -> None:
    known = [LeaCode(lea_id=n, code=f"1964212000000{n}", name=f"Valley {n}") for n in range(5)]
    known.append(LeaCode(lea_id=0, code="19642120000007", name="Valley 0"))
    assert rules.nearest("valley 4", known)[0].lea_id == 4
    assert len(rules.nearest("Valley", known)) == 3
    assert [one.lea_id for one in rules.nearest("va", known)] == []
    assert [one.lea_id for one in rules.nearest("val", known)] == [0, 1, 2]
    assert rules.nearest("19642120000000", known)[0].lea_id == 0


def test_an_lea_is_named_by_its_code_or_refused_with_what_is_near() -> None:
    assert rules.lea_named(ABC.code, KNOWN, "/lea") == ABC
    with pytest.raises(Invalid) as refused:
        rules.lea_named("abc unified", KNOWN, "/lea")
    (fault,) = refused.value.errors
    assert (fault.code, fault.pointer, fault.owner) == ("unknown-lea", "/lea", "sender")


def test_a_key_expires_after_half_a_year_unless_told_otherwise() -> None:
    assert rules.expiry(KeyIn(scopes=["read"]), NOW) == NOW + timedelta(days=180)
    assert rules.expiry(KeyIn(scopes=["read"], expires_in_days=7), NOW) == NOW + timedelta(days=7)


@pytest.mark.parametrize("said", ["19642120000001", "1964212000000", "abc unified", "ABC"])
def test_an_unknown_code_is_answered_with_the_nearest_leas(said: str) -> None:
    (fault,) = rules.faults(KeyIn(scopes=["push"], leas=[said]), KNOWN)
    assert fault.pointer == "/leas/0"
    assert fault.suggestion is not None
    assert fault.suggestion.startswith("Near it: 19642120000000 (ABC Unified)")


def test_a_code_like_no_other_gets_no_suggestion() -> None:
    (fault,) = rules.faults(KeyIn(scopes=["push"], leas=["zzzz"]), KNOWN)
    assert fault.suggestion is None


def test_in_an_empty_directory_every_code_is_unknown_and_the_way_out_is_named() -> None:
    (fault,) = rules.faults(KeyIn(scopes=["push"], leas=[ABC.code]), {})
    assert fault.suggestion == "The directory is empty; `equityaccess seed` fills it."


def caller(*, expires_at: datetime, revoked_at: datetime | None = None) -> Caller:
    return Caller(
        key_id=UUID(int=1), label="", scopes=["push"], expires_at=expires_at, revoked_at=revoked_at, lea_ids=[7]
    )


def test_a_key_works_until_the_instant_it_expires() -> None:
    assert rules.reason_to_refuse(caller(expires_at=NOW + timedelta(microseconds=1)), NOW) is None
    refused = rules.reason_to_refuse(caller(expires_at=NOW), NOW)
    assert refused is not None
    assert (refused.code, refused.detail) == ("key-expired", "This key expired at 2026-11-23 12:00 UTC.")
    assert refused.owner == "county"


def test_a_token_works_until_the_instant_it_expires_and_its_holder_mends_that() -> None:
    late = NOW + timedelta(days=1)
    token = msgspec.structs.replace(caller(expires_at=late), token_expires_at=NOW + timedelta(microseconds=1))
    assert rules.reason_to_refuse(token, NOW) is None
    refused = rules.reason_to_refuse(msgspec.structs.replace(token, token_expires_at=NOW), NOW)
    assert refused is not None
    assert (refused.code, refused.owner) == ("token-expired", "sender")
    assert refused.detail == "This token expired at 2026-11-23 12:00 UTC."


def test_a_revoked_key_says_so_even_when_it_has_expired_since() -> None:
    refused = rules.reason_to_refuse(caller(expires_at=NOW, revoked_at=NOW - timedelta(days=3)), NOW)
    assert refused is not None
    assert (refused.code, refused.detail) == ("key-revoked", "This key was revoked at 2026-11-20 12:00 UTC.")
    assert refused.owner == "county"


def test_a_third_live_key_is_refused_with_the_names_of_the_two() -> None:
    live = [
        LiveKey(
            key_id=UUID(int=n), lea_id=ABC.lea_id, label=label, last_four=f"ab{n}Z", expires_at=NOW + timedelta(days=n)
        )
        for n, label in ((1, "nightly"), (2, ""))
    ]
    wanted = KeyIn(scopes=["push"], leas=[ACTON.code, ABC.code])
    assert rules.full_leas(wanted, KNOWN, live[:1]) == []
    (fault,) = rules.full_leas(wanted, KNOWN, live)
    assert fault.code == "two-live-keys"
    assert fault.pointer == "/leas/1"
    assert "'nightly' …ab1Z until 2026-11-24; …ab2Z until 2026-11-25" in fault.detail
    assert str(UUID(int=1)) in (fault.suggestion or "")
    assert fault.owner == "sender"


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("192.0.2.7", "address 192.0.2.7"),
        ("::ffff:192.0.2.7", "address 192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "address 2001:db8:1:2::"),
        ("", "address unknown"),
        ("a.unix.socket", "address unknown"),
    ],
)
def test_unknown_keys_are_counted_by_address_and_in_ipv6_by_subscriber(host: str, address: str) -> None:
    assert rules.address(host) == address


@pytest.mark.parametrize(
    ("scopes", "sees_every_lea", "is_county"),
    [(["push", "read"], False, False), (["county"], True, True), (["admin"], True, False)],
)
def test_who_sees_every_lea_and_who_acts_for_the_county(scopes, sees_every_lea: bool, is_county: bool) -> None:
    caller = Caller(key_id=UUID(int=1), label="", scopes=scopes, expires_at=NOW, revoked_at=None, lea_ids=[])
    assert (caller.sees_every_lea, caller.is_county) == (sees_every_lea, is_county)
