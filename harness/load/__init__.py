"""Before and after: Locust loads one or two systems side by side, and the percentiles are held to the limits.

    command      `harness load`: from words to a ruling
    contest      start the systems, load them in turns, stop when it is decided, judge what was promised
    generator    one Locust process (loadtests/ is what runs inside it)
    operations   its record, as entries of a history
    samples      latencies of a history, endpoint by endpoint
    percentiles  with confidence bounds
    decision     held, violated, unknown, or not yet
    baseline     compared with a run of another day
    rows         what of all this stands in results.json
    pictures     what of it is drawn
    chapter      the part of the report

How latency is measured, and why this way: docs/latency.md.
"""
