"""The reference service: takes events over HTTP, stores each once and sends its mail, and keeps what its answers promise.

The map, from the outside in:

- ``__main__`` (api | worker | supervise | migrate), ``settings``, ``wiring`` (how the parts come together), ``simulation``
- ``commands``: what operators run: ``flag_commands``, ``drain``, ``letter_commands`` (with ``dead_letters``)
- ``api``, ``answers``, ``problems``, ``openapi``, ``readiness``, ``server``, ``status``: the HTTP side
- ``listener``: a worker's own port
- ``events``: what an event is, its identity, its fingerprint; ``encodings``, ``cloudevents``: the ways to write one
- ``api_key``: who may send one; ``preference``: who would rather wait for its end
- ``intake`` and ``synchronous``: the two ways in (202 accepted, 200 processed); ``flag`` says which, ``markers`` and ``handover``
  keep one pair one event
- ``worker``, ``delivery``, ``lease``, ``queue``: from the stream to the end of an event; ``scripts/`` holds the atomic steps
- ``supervisor``: as many workers as the backlog needs; ``deploy/``: files for those who run it (docs/deploy.md)
- ``postman``, ``mailer``, ``breaker``, ``backoff``: mail
- ``store`` (the port), ``postgres`` with ``statements``, ``memory`` (for the simulation): rows
- ``observed`` (requests) and ``watch`` (entries) tell ``metrics``, ``logs`` and ``spans`` (``tracing`` when it is on); ``census``
  counts the queue, ``exposition`` writes /metrics, ``deploy/`` holds alerts and dashboard
- ``coalescer``, ``connection``, ``scripts``: how Redis is talked to; ``defect``: what is logged of the unexpected

``systems/`` tells the harness how to run it. Nothing here imports the harness.
"""
