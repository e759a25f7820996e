"""One module per API family: each handler reads like the specification of its API.

A handler is `async def handler(ctx, request) -> response`. It is stepped by the connection itself, so one that never
waits costs no task; it awaits plain futures only, and after any await looks up again whatever may have changed.
"""
