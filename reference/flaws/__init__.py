"""The reference, deliberately broken: one file, one flaw, one sentence. The harness must catch every one of them.

`plant()` is a context manager under which the reference has the flaw; `CAUGHT_BY` names the checker that is meant to see it,
`IN` the scenario that brings it to light. The smallest to copy is `rate_limit_ignored`.
"""
