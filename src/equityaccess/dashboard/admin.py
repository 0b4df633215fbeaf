"""``/admin``: what runs by itself and how it went, who is signed in, what was published, and who did what."""

from typing import Annotated, Any, Final

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from litestar.response import Redirect

from equityaccess import clock
from equityaccess.access.structs import Caller
from equityaccess.audit import store as audit
from equityaccess.audit.store import Asked
from equityaccess.dashboard.doors import FOR_ADMIN
from equityaccess.dashboard.rendering import page
from equityaccess.database import Database
from equityaccess.problems import NotFound
from equityaccess.publication import store as publication
from equityaccess.scheduler import store as scheduler
from equityaccess.scheduler.runs import run_job
from equityaccess.scheduler.schedule import next_slot, read_schedule
from equityaccess.signin import store as signin

_PLACE: Final = "/admin"
_SHOWN: Final = 100


@get(_PLACE, operation_id="show_admin", include_in_schema=False, opt=FOR_ADMIN)
async def show_admin(request: Request[Any, Any, Any], db: NamedDependency[Database]) -> Response[Any]:
    """Jobs, sessions and releases."""
    now = clock.now()
    async with db.transaction(role="aggregator") as tx:
        runs = await scheduler.last_runs(tx)
    async with db.transaction(every_lea=True) as tx:
        sessions = await signin.sessions(tx, now, _SHOWN)
        releases = await publication.releases(tx)
    jobs = [(job, runs.get(job.name), next_slot(job, now)) for job in read_schedule()]
    return page(
        request,
        "english/admin.html",
        jobs=jobs,
        sessions=sessions,
        releases=sorted(releases, key=lambda one: -one.number)[:_SHOWN],
    )


@post(_PLACE + "/jobs/{name:str}", operation_id="run_job_now", include_in_schema=False, opt=FOR_ADMIN)
async def run_job_now(db: NamedDependency[Database], name: FromPath[str]) -> Redirect:
    """Run a job now, as `equityaccess run-job` does: once, whoever else runs it."""
    job = next((one for one in read_schedule() if one.name == name), None)
    if job is None:
        raise NotFound("There is no such job.")
    now = clock.now()
    await run_job(db, job, now, now)
    return Redirect(_PLACE, status_code=303)


@get(_PLACE + "/audit", operation_id="show_audit", include_in_schema=False, opt=FOR_ADMIN)
async def show_audit(
    request: Request[Any, Any, Any],
    caller: NamedDependency[Caller],
    db: NamedDependency[Database],
    action: Annotated[str | None, QueryParameter(max_length=64)] = None,
    before: Annotated[int | None, QueryParameter(ge=1, le=2**63 - 1)] = None,
) -> Response[Any]:
    """Who did what, the newest first."""
    asked = Asked(action=action or None, key_id=None, from_at=None, to_at=None)
    async with db.transaction(every_lea=True) as tx:
        found = await audit.entries(tx, asked, caller.lea_ids, sees_every_lea=True, before=before, limit=_SHOWN + 1)
    entries, more = found[:_SHOWN], found[_SHOWN:]
    return page(
        request, "english/audit.html", entries=entries, action=action, older=entries[-1].entry_id if more else None
    )


ROUTES = [show_admin, run_job_now, show_audit]
