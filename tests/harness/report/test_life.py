"""The life of one event: in order, with the faults of its time, and nothing that matters hidden."""

from __future__ import annotations

from harness.report.life import life_of
from tests.harness import stories
from tests.harness.story import Story, of


def test_a_lost_event_tells_its_story_in_order() -> None:
    assert life_of(stories.crash(), of("evt_000012")) == [
        "    6.000 →     6.003 s  a client posted it to api-1: 202 accepted after 3.0 ms",
        "    6.010 →     6.012 s  status read: pending after 2.0 ms",
        "                6.050 s  --- fault begins: WorkerCrashes (worker-0)",
        "                6.050 s  --- worker-0 killed",
        "    6.500 →     6.502 s  status read: processing after 2.0 ms (and 1 more like it until 7.502 s, at most 2.0 ms each)",
        "                9.050 s  --- fault ends: WorkerCrashes; evidence: pid 41 is gone, 57 is ready",
        "                9.050 s  --- worker-0 started",
        "    9.500 →     9.502 s  status read: processing after 2.0 ms (and 1 more like it until 13.502 s, at most 2.0 ms each)",
        "               38.000 s  --- all is quiet",
        "   38.000 →    38.002 s  final status read: processing after 2.0 ms",
        "             in the end  no rows, no mails taken, last status processing",
    ]


def test_a_slow_read_that_says_completed_stands_below_the_mail_it_tells_of() -> None:
    story = Story().posted("a", 1.18, took_s=0.003).read("a", 1.187, "completed", took_s=0.401)
    story.mailed("a", 1.191, took_s=0.004).stored("a", 1.3).row("a").quiet(9)
    words = ["202 accepted", "SendGrid: 202, mail taken after 4.0 ms", "row was seen", "completed after 401 ms", "quiet", "1 row"]
    life = life_of(story.history, of("a"))
    assert [word in line for word, line in zip(words, life, strict=True)] == [True] * 6, life
    assert life[3].startswith("    1.187 →     1.588 s  ")


def test_reads_told_together_say_how_slow_the_slowest_was() -> None:
    story = Story().posted("a", 1)
    for at_s, took_s in ((2, 0.002), (3, 0.9), (4, 0.003)):
        story.read("a", at_s, "pending", took_s=took_s)
    assert life_of(story.history, of("a"))[1].endswith("after 2.0 ms (and 2 more like it until 4.003 s, at most 900 ms each)")


def test_every_answer_has_its_words() -> None:
    story = Story().refused("a", 0, took_s=0.001)
    story.unanswered("a", 1, took_s=1.0, error="ReadTimeout", attempt=1)
    story.refused("a", 3, None, took_s=0.0, error="ConnectError", attempt=2)
    story.unanswered("a", 4, took_s=0.2, http_status=504, attempt=3)
    story.posted("a", 5, "duplicate", current_status="processing", attempt=4)
    story.mailed("a", 6, http_status=503).mailed("a", 7, reply_lost=True)
    story.read("a", 8, None, http_status=404)
    story.read("a", 9, None, http_status=None, outcome="unknown", error="ReadTimeout")
    story.read("a", 10, "failed", reason="gave up")
    assert life_of(story.history, of("a")) == [
        "    0.000 →     0.001 s  a client posted it to api-0: 503 after 1.0 ms, refused, to be retried after 1 s",
        "    1.000 →     2.000 s  a client posted it again (attempt 2) to api-0: no answer after 1,000 ms (ReadTimeout), "
        "unknown whether it was taken",
        "    3.000 →     3.000 s  a client posted it again (attempt 3) to api-0: no answer after 0.0 ms (ConnectError), "
        "certainly not taken",
        "    4.000 →     4.200 s  a client posted it again (attempt 4) to api-0: 504 after 200 ms, unknown whether it was taken",
        "    5.000 →     5.010 s  a client posted it again (attempt 5) to api-0: 200 duplicate after 10 ms, "
        "its status processing",
        "    6.000 →     6.100 s  worker-0 called SendGrid: 503, mail not taken after 100 ms",
        "    7.000 →     7.100 s  worker-0 called SendGrid: mail taken, but the reply was lost after 100 ms",
        "    8.000 →     8.010 s  status read: 404 after 10 ms",
        "    9.000 →     9.010 s  status read: no answer (ReadTimeout) after 10 ms",
        "   10.000 →    10.010 s  status read: failed (gave up) after 10 ms",
        "the history is cut off here: rows not read, 1 mail taken, last status failed",
    ]


def test_a_storm_is_told_briefly_but_every_acceptance_by_itself() -> None:
    story = Story()
    for number in range(32):
        answer = "accepted" if number in (0, 20) else "duplicate"
        story.posted("a", 1 + number / 1000, answer, took_s=0.003, process=f"api-{number % 2}")
    story.stored("a", 2).row("a").row("a").quiet(9)
    life = life_of(story.history, of("a"))
    assert sum("202 accepted" in line for line in life) == 2
    assert len(life) == 7
    assert "(and 18 more like it until 1.022 s, at most 3.0 ms each)" in life[1]
    assert life[-1].endswith("2 rows, no mails taken, last status never shown")


def test_a_changed_payload_is_said() -> None:
    story = Story().posted("a", 1).refused("a", 2, 422, payload="other")
    assert life_of(story.history, of("a"))[1] == (
        "    2.000 →     2.010 s  a client posted it with another payload to api-0: 422 after 10 ms, refused"
    )


def test_faults_of_another_time_are_left_out() -> None:
    story = Story().suffered("Before", 0, 1).kept("a", 2).suffered("After", 30, 31).quiet(40)
    assert not [line for line in life_of(story.history, of("a")) if "fault" in line]


def test_an_event_nobody_posted_has_a_life_too() -> None:
    story = Story().quiet(9)
    assert life_of(story.history, of("ghost")) == ["no client posted it and nobody saw it happen; it has no rows in the end"]


def test_a_mail_nobody_asked_for_is_not_missed() -> None:
    story = Story().posted("a", 0, wants_mail=False).restless(9)
    assert life_of(story.history, of("a"))[-2:] == [
        "                9.000 s  --- time is over, and still moving: rows (last at 99.0 s)",
        "             in the end  no rows, no mails taken (none was asked for), last status never shown",
    ]
