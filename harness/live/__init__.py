"""`harness ui`: a running system, faults at the push of a button, and the promises kept or broken so far, in Locust's own page.

    session    from opening the system to the last verdict; what goes on in between
    injector   the faults somebody starts and stops, with their evidence
    standing   how the promises stand at one moment
    control    what Locust's page asks of us, over loopback HTTP
    page       Locust with its page, as a process

The page's own side, the tabs Faults and Promises, is `loadtests/tabs/`. For its users: docs/web-ui.md.
"""
