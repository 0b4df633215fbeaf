"""The client of these tests has the reference data in its database."""

import pytest


@pytest.fixture
def empty_url(database_url: str) -> str:
    """The database of ``client`` and ``make_key``."""
    return database_url
