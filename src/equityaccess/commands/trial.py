"""What a demo prints when it is ready."""

from datetime import date
import httpx


def show(client: httpx.Client, district: str, county: str, today: date) -> None:
    print(district, county)
