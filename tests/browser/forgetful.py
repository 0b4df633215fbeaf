"""Lets the service of a test run on the PostgreSQL of the tests, which is fast because it may forget."""

from equityaccess import database


def postgres() -> None:
    """Demand no durability, as `demand_durability` of the settings does where tests set them."""

    async def is_fine(*_: object) -> None:
        """Look at nothing."""

    database._demand_durability = is_fine  # type: ignore[assignment]
