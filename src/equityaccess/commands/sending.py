"""Sends a file to a service as one push: streamed, and safe to repeat."""

import contextlib
import os
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Final

import httpx
import msgspec

MEDIA_TYPES: Final = {
    ".json": "application/json",
    ".ndjson": "application/x-ndjson",
    ".jsonl": "application/x-ndjson",
    ".csv": "text/csv",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_CHUNK: Final = 65_536
_ATTEMPTS: Final = 6
_FIRST_WAIT_S: Final = 0.5
_LONGEST_WAIT_S: Final = 120.0
_TIMEOUT: Final = httpx.Timeout(connect=10, write=60, read=600, pool=10)  # a million rows take a while to judge
_PASSING: Final = frozenset({408, 429, 502, 503, 504})  # 409 is passing only when it says when to come back
_HERE: Final = frozenset({"127.0.0.1", "localhost", "::1"})

Told = Callable[[int], None]


class NotSentError(Exception):
    """Nothing was applied, for a reason that sending the same once more does not mend."""


class Parcel(msgspec.Struct, frozen=True, kw_only=True):
    """A file ready to be sent: what it is, and what the service is asked to do with it."""

    file: Path
    media_type: str
    size: int
    parameters: dict[str, str]
    # Of one run: what it tries again is done once. It is not made of the content, for who sends an older file again,
    # to take a correction back, means it.
    idempotency_key: str


def pack(file: Path, parameters: Mapping[str, str]) -> Parcel:
    """*file* as a Parcel. Raises NotSentError when it is not of a kind that the service takes."""
    media_type = MEDIA_TYPES.get(file.suffix.lower())
    if media_type is None:
        raise NotSentError(
            f"{file.name} is not {', '.join(MEDIA_TYPES)}. Save another spreadsheet as .xlsx or CSV (UTF-8) first."
        )
    with file.open("rb") as content:
        size = content.seek(0, os.SEEK_END)
    if size == 0:
        raise NotSentError(f"{file.name} is empty.")
    return Parcel(
        file=file,
        media_type=media_type,
        size=size,
        parameters=dict(parameters),
        idempotency_key=str(uuid.uuid4()),
    )


def check_address(url: str, *, allow_http: bool) -> None:
    """Raise NotSentError when the key would travel in the open, or *url* is not one."""
    try:
        address = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise NotSentError(f"{url!r} is not a URL: {error}") from None
    if address.scheme not in ("http", "https") or not address.host:
        raise NotSentError(f"{url!r} is not a URL such as https://equity.example.org")
    if address.scheme == "http" and address.host not in _HERE and not allow_http:
        raise NotSentError(
            f"{url} would send the key unencrypted: use https://, or --allow-http on a network you trust."
        )


def send(url: str, parcel: Parcel, key: str, told: Told) -> httpx.Response:
    """The service's answer; what passes (a lost connection, a busy service) is waited for and tried again.

    *told* hears how many bytes of the current attempt have gone out. Raises NotSentError when patience runs out.
    """
    headers = {
        "Authorization": f"Bearer {key}",
        "Content-Type": parcel.media_type,
        "Content-Length": str(parcel.size),
        "Idempotency-Key": parcel.idempotency_key,
        "Accept": "application/json, application/problem+json",
    }
    target = url.rstrip("/") + "/v1/submissions"
    wait = _FIRST_WAIT_S
    with httpx.Client(timeout=_TIMEOUT) as client:
        for attempt in range(1, _ATTEMPTS + 1):
            hint: float | None = None
            try:
                response = client.post(
                    target, params=parcel.parameters, headers=headers, content=_content(parcel, told)
                )
            except httpx.TransportError as error:
                trouble = f"{url}: {error or type(error).__name__}"
            else:
                hint = _retry_after(response)
                if response.status_code not in _PASSING and not (response.status_code == 409 and hint is not None):
                    return response
                trouble = f"{url} answered {response.status_code} {response.reason_phrase}"
            if attempt < _ATTEMPTS:
                time.sleep(min(wait if hint is None else hint, _LONGEST_WAIT_S))
                wait *= 2
    raise NotSentError(f"Gave up after {_ATTEMPTS} attempts. {trouble}. Sending it again later is safe.")


def _content(parcel: Parcel, told: Told) -> Iterator[bytes]:
    sent = 0
    told(sent)
    with parcel.file.open("rb") as content:
        while chunk := content.read(_CHUNK):
            yield chunk
            sent += len(chunk)
            told(sent)


def _retry_after(response: httpx.Response) -> float | None:
    given = response.headers.get("Retry-After", "")
    if given.isascii() and given.isdigit():
        return float(given)
    with contextlib.suppress(ValueError):
        return max(0.0, (parsedate_to_datetime(given) - datetime.now(UTC)).total_seconds())
    return None
