"""The real world: servers, API and worker processes, a TCP proxy in front of the servers, SendGrid over HTTP.

From the outside in: `world.py` runs a scenario in a stack; `stack.py` puts a stack together; `guardian.py` is the
parent of everything in it and removes it, whatever happens to the harness; `processes.py` talks to it; `redis.py` and
`postgres.py` own the servers' life cycles (binaries from `binaries.py`); `proxy.py` and `sendgrid.py` are the wire;
`ports.py` hands out ports; `stub.py` shows whether the machine itself was slow.
"""
