"""The reference service: takes events over HTTP, stores each once and sends its mail, and keeps what its answers promise.

The map, from the outside in:

- ``__main__`` (api | worker | migrate), ``settings``, ``wiring`` (how the parts come together), ``simulation``
- ``api``, ``problems``, ``readiness``, ``server``, ``status``: the HTTP side
- ``events``: what an event is, its identity, its fingerprint
- ``intake`` and ``synchronous``: the two ways in (202 accepted, 200 processed); ``flag`` says which, ``markers`` and ``handover``
  keep one pair one event
- ``worker``, ``delivery``, ``lease``, ``queue``: from the stream to the end of an event; ``scripts/`` holds the atomic steps
- ``postman``, ``mailer``, ``breaker``, ``backoff``: mail
- ``commands``: what operators run: ``flag_commands``, ``drain``, ``letter_commands`` (with ``dead_letters``)
- ``store`` (the port), ``postgres`` with ``statements``, ``memory`` (for the simulation): rows
- ``coalescer``, ``connection``, ``scripts``: how Redis is talked to

``systems/`` tells the harness how to run it. Nothing here imports the harness.
"""
