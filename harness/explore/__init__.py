"""`harness explore`: fault plans nobody wrote down, drawn, tried, and shrunk where they fail.

    trial         one plan with its traffic and seed, as a value; what must hold of it, whatever was drawn
    space         what may be drawn for a system: faults it offers and its claims cover
    attempt       perform one trial and say what came of it
    coverage      which faults met which moment of an event's life
    guide         what to draw next: fresh, or a change of what reached something new
    shrink        the same failure with fewer faults, events and settings
    finding       failures of one cause are one finding
    search        the budget, the pool, and everything above in a loop
    handing_over  a finding as a scenario file, a history to replay, and a row of the results

Start with `search.explore`. What people read of it is `harness/report/exploration.py`.
"""
