"""Before and after: Locust loads one or two systems side by side, and the percentiles are held to the limits.

    measurement  one load run, from what is asked to what it found (the command line's side is `harness/verbs/load.py`)
    contest      start the systems, load them in turns, stop when it is decided, wait until they are at rest
    generator    one Locust process (loadtests/ is what runs inside it)
    operations   its record, as entries of a history
    samples      latencies of a history, endpoint by endpoint
    percentiles  with confidence bounds
    decision     held, violated, unknown, or not yet
    ratio        a percentile now and then, on two days
    baseline     compared with a stored run
    provider     how long the stand-in for SendGrid takes, modelled on what the draft published
    rows         what of all this stands in results.json
    pictures     what of it is drawn
    chapter      the part of the report
    github       the step's summary and annotations

How latency is measured, and why this way: docs/latency.md.
"""
