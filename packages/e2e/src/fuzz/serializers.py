"""Tells schemathesis how to send what it makes as the media types that it does not know."""

import schemathesis


@schemathesis.serializer("application/x-ndjson")
def lines(ctx, value):
    return value if isinstance(value, bytes) else str(value).encode("utf-8", errors="replace")
