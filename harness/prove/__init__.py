"""The harness proves itself: flaws planted into a service are caught, and what a history would show of a lie is seen.

    catalogue   the flaws of a system, read from its folder
    hunt        seeds of one scenario with a flaw planted, until the checker meant for it accuses
    tampering   a history in which one fact was changed, so that a checker must accuse
    lies        the facts that are changed
    picture     flaw x checker, as SVG
    agreement   whether the two worlds rule alike
    chapter     the proof in the report

`harness prove` itself is `harness/verbs/prove.py`; what came of a flaw or a lie is a `Challenge` (`harness/challenge.py`).
"""
