"""What anybody may read, without a key: releases, as figures and as files."""

import re
import zlib
from typing import Annotated, Any, Final

import msgspec
from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from equityaccess import guards
from equityaccess.database import Database
from equityaccess.openapi import JSON, Formats
from equityaccess.problems import Invalid, NotAcceptable, NotFound, RepeatedParameter, Unavailable
from equityaccess.publication import store
from equityaccess.publication.structs import Manifest, Pair, PublicCoverage, ReleaseList
from equityaccess.web import answer_bytes, refuses

CSV: Final = "text/csv"
_NAME: Final = re.compile(r"([1-9][0-9]{0,8})(\.csv)?")
_NEWEST: Final = "public, max-age=300"  # a release comes once a month; who waits for it waits five minutes more
_FOR_EVER: Final = "public, max-age=31536000, immutable"
_REFUSES: Final = refuses(NotFound, RepeatedParameter, NotAcceptable, Invalid, Unavailable)
_GUARDS: Final = [guards.only_declared]


@get("/v1/public/coverage", operation_id="read_public_coverage", tags=["public"], responses=_REFUSES, guards=_GUARDS)
async def read_public_coverage(
    request: Request[Any, Any, Any],
    db: NamedDependency[Database],
    of: Annotated[
        str,
        QueryParameter(
            name="scope",
            max_length=64,
            description="`county`, a kind of LEA, an LEA's CDS code, or `leas` for every LEA.",
        ),
    ] = "county",
    indicator: Annotated[str | None, QueryParameter(max_length=64, description="Only this indicator.")] = None,
    student_group: Annotated[str | None, QueryParameter(max_length=64, description="Only this student group.")] = None,
    release: Annotated[int | None, QueryParameter(ge=1, le=999_999_999, description="Its number. The newest.")] = None,
) -> Response[PublicCoverage]:
    """Read published figures. No key is needed.

    A figure is `shown`, `suppressed` (withheld, so that nobody in a small group is given away; neither null nor zero),
    or `not_heard_from`. Rates are cut to a tenth of a percent; near 0 and 100 they are bounds.
    """
    async with db.transaction(role="public") as tx:
        manifest = await store.release(tx, release or 0)
        if manifest is None:
            raise NotFound("Nothing has been published yet." if release is None else f"There is no release {release}.")
        rows = await store.cells(tx, manifest.number, of, Pair(indicator=indicator, student_group=student_group))
    if not rows:
        raise NotFound(
            f"Release {manifest.number} has no such figure; its file lists every scope, indicator and group."
        )
    content = PublicCoverage(release=manifest, items=[row.cell() for row in rows])
    return _public(request, content, _FOR_EVER if release else _NEWEST)


@get("/v1/public/releases", operation_id="list_releases", tags=["public"], responses=_REFUSES, guards=_GUARDS)
async def list_releases(request: Request[Any, Any, Any], db: NamedDependency[Database]) -> Response[ReleaseList]:
    """List every release, newest first. A release is never changed; a mistake is mended by the next."""
    async with db.transaction(role="public") as tx:
        content = ReleaseList(items=await store.releases(tx))
    return _public(request, content, _NEWEST)


@get(
    "/v1/public/releases/{release:str}",
    operation_id="read_release",
    tags=["public"],
    responses=_REFUSES,
    guards=_GUARDS,
    opt={"formats": Formats(answers=(CSV,))},
)
async def read_release(
    request: Request[Any, Any, Any], db: NamedDependency[Database], release: FromPath[str]
) -> Response[Manifest]:
    """Read what a release is by its number (`1`), or its file (`1.csv`): every figure, with the word `suppressed`.

    The manifest says its day, its rows, the version of the rules that protect it, and the SHA-256 of the file.
    """
    named = _NAME.fullmatch(release)
    number = int(named[1]) if named else 0
    async with db.transaction(role="public") as tx:
        manifest = await store.release(tx, number) if number else None
        deflated = await store.csv_of(tx, number) if named and named[2] else None
    if manifest is None:
        raise NotFound(f"There is no release {release[:40]!r}.")
    if deflated is None:
        return _public(request, manifest, _FOR_EVER)
    headers = {"Content-Disposition": f'attachment; filename="equityaccess-release-{release}"'}
    body = zlib.decompress(deflated)
    return answer_bytes(request, body, media_type=CSV, cache_control=_FOR_EVER, headers=headers)  # type: ignore[return-value]


def _public(request: Request[Any, Any, Any], content: msgspec.Struct, cache_control: str) -> Response[Any]:
    body = msgspec.json.encode(content)
    return answer_bytes(request, body, media_type=JSON, cache_control=cache_control, headers={"Vary": "Accept"})


ROUTES = [read_public_coverage, list_releases, read_release]
