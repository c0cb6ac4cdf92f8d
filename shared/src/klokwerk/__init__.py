"""The library that every service stands on. No business word belongs here.

One concern a module: `outbox` and `consume` carry events, `deliveries` carries what leaves the house,
`parked` holds what waits for data, `database`, `http`, `access`, `telemetry`, `clock` and `settings` are the
ground they stand on, `application` puts a service together.
"""
