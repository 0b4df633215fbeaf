"""What schemathesis has to be told of our contract: how lines of JSON are written."""

import json
from typing import Any

import schemathesis


@schemathesis.serializer("application/x-ndjson")
def ndjson(_context: Any, value: Any) -> bytes:
    """One line for each item; what is no list is one line."""
    if isinstance(value, bytes | str):
        return value if isinstance(value, bytes) else value.encode()
    return b"".join(json.dumps(item).encode() + b"\n" for item in (value if isinstance(value, list) else [value]))
