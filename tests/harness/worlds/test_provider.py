"""The provider both worlds share: what it takes, what it refuses, how it misbehaves, and the evidence it keeps."""

from __future__ import annotations

import copy
import json
import statistics
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from harness.worlds.behaviours import Answers, Babbles, LosesReplies, RateLimits, Rejects, Stalls, Trickles
from harness.worlds.latency import LOGNORMAL
from harness.worlds.mailbody import complaint_about, sketch, string_at
from harness.worlds.provider import MailRequest, Provider, Reply

MAIL: dict[str, Any] = {
    "personalizations": [{"to": [{"email": "reader@example.com"}]}],
    "from": {"email": "service@example.com"},
    "subject": "Ready",
    "content": [{"type": "text/plain", "value": "Your page is ready."}],
    "custom_args": {"source": "a5", "id": "evt_1"},
}
HEADERS = {"authorization": "Bearer SG.test", "content-type": "application/json"}
NOW_S = 1_700_000_000.25
Change = Callable[[dict[str, Any]], object]


@pytest.fixture
def provider() -> Provider:
    return Provider(Random(1), mail_source="/custom_args/source", mail_id="/custom_args/id")


def post(provider: Provider, body: bytes | None = None, *, at_s: float = NOW_S, headers: dict[str, str] | None = None) -> Reply:
    body = json.dumps(MAIL).encode() if body is None else body
    return provider.answer(MailRequest(at_s, "worker-0", HEADERS if headers is None else headers, body))


def test_a_good_mail_is_taken_with_an_empty_answer(provider: Provider) -> None:
    reply = post(provider)
    assert (reply.status, reply.body, reply.taken, reply.lost) == (202, b"", True, False)
    assert (reply.source, reply.id) == ("a5", "evt_1")
    assert reply.headers["X-Message-Id"] != post(provider).headers["X-Message-Id"]


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer  ", "Basic abc"])
def test_without_a_key_it_is_401(provider: Provider, authorization: str) -> None:
    reply = post(provider, headers={**HEADERS, "authorization": authorization})
    assert (reply.status, reply.taken) == (401, False)


def change(path: str, value: Any) -> Change:
    def apply(mail: dict[str, Any]) -> None:
        *steps, last = [int(step) if step.isdecimal() else step for step in path.split(".")]
        target: Any = mail
        for step in steps:
            target = target[step]
        target[last] = value

    return apply


@pytest.mark.parametrize(
    ("spoil", "field"),
    [
        (lambda mail: mail.pop("personalizations"), "personalizations"),
        (change("personalizations", []), "personalizations"),
        (change("personalizations", [{}] * 1001), "personalizations"),
        (change("personalizations.0.to", []), "personalizations.0.to"),
        (change("personalizations.0", "reader"), "personalizations.0.to"),
        (change("personalizations.0.to.0.email", "no address"), "personalizations.0.to.0.email"),
        (change("personalizations.0.to.0.email", "reader@refused.example"), "personalizations.0.to.0.email"),
        (lambda mail: mail.pop("from"), "from.email"),
        (change("from.email", "nobody"), "from.email"),
        (lambda mail: mail.pop("subject"), "subject"),
        (change("subject", ""), "subject"),
        (lambda mail: mail.pop("content"), "content"),
        (change("content.0.value", ""), "content.0.value"),
        (change("custom_args.id", 7), "custom_args"),
    ],
)
def test_a_malformed_mail_is_400_and_names_the_field(provider: Provider, spoil: Change, field: str) -> None:
    mail = copy.deepcopy(MAIL)
    spoil(mail)
    reply = post(provider, json.dumps(mail).encode())
    (error,) = json.loads(reply.body)["errors"]
    assert (reply.status, reply.taken, error["field"]) == (400, False, field)
    assert set(error) == {"message", "field", "help"}


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"text"', b"\xff"])
def test_what_is_no_object_is_400(provider: Provider, body: bytes) -> None:
    reply = post(provider, body)
    assert (reply.status, reply.source, reply.id) == (400, None, None)


def test_another_content_type_is_415(provider: Provider) -> None:
    assert post(provider, headers={**HEADERS, "content-type": "text/plain"}).status == 415


def test_a_subject_can_stand_in_every_personalization() -> None:
    mail = {**MAIL, "personalizations": [{**MAIL["personalizations"][0], "subject": "Yours"}]}
    del mail["subject"]
    assert complaint_about(mail) is None


def test_everybody_a_mail_goes_to_is_noted_whatever_becomes_of_it(provider: Provider) -> None:
    people = [{"to": [{"email": "a@example.com"}, {"email": "b@example.com"}]}, {"to": [{"email": "c@example.com"}]}]
    mail = json.dumps({**MAIL, "personalizations": people}).encode()
    assert post(provider, mail).recipients == ("a@example.com", "b@example.com", "c@example.com")
    provider.behaviours.append(Answers(503))
    assert post(provider).recipients == ("reader@example.com",)
    assert post(provider, b"[]").recipients == ()


def test_an_outage_takes_nothing_and_ends(provider: Provider) -> None:
    outage = Answers(503)
    provider.behaviours.append(outage)
    replies = [post(provider), post(provider, headers={})]
    assert [(reply.status, reply.taken, reply.id) for reply in replies] == [(503, False, "evt_1")] * 2
    provider.behaviours.remove(outage)
    assert post(provider).taken
    assert provider.touched(outage) == 2


def test_equal_faults_have_evidence_of_their_own(provider: Provider) -> None:
    first, second = Answers(503), Answers(503)
    provider.behaviours.append(first)
    post(provider)
    assert (provider.touched(first), provider.touched(second)) == (1, 0)


def test_a_rate_limit_resets_on_the_second_it_names(provider: Provider) -> None:
    limit = RateLimits(2, 5)
    provider.behaviours.append(limit)
    replies = [post(provider) for _ in range(3)]
    assert [reply.status for reply in replies] == [202, 202, 429]
    assert [reply.headers["X-RateLimit-Remaining"] for reply in replies] == ["1", "0", "0"]
    assert replies[2].headers["X-RateLimit-Limit"] == "2"
    resets_at = int(replies[2].headers["X-RateLimit-Reset"])
    assert resets_at - NOW_S >= 5
    assert post(provider, at_s=resets_at - 0.01).status == 429
    assert post(provider, at_s=resets_at).status == 202
    assert provider.touched(limit) == 2


def test_a_refused_call_uses_no_quota_up_for_ever(provider: Provider) -> None:
    provider.behaviours.append(RateLimits(1, 1))
    assert [post(provider, at_s=NOW_S + second).status for second in (0, 0.1, 2)] == [202, 429, 202]


def test_lost_replies_are_of_taken_mails(provider: Provider) -> None:
    losing = LosesReplies(first=2)
    provider.behaviours.append(losing)
    replies = [post(provider), post(provider, headers={}), post(provider), post(provider)]
    assert [(reply.taken, reply.lost) for reply in replies] == [(True, True), (False, False), (True, True), (True, False)]
    assert provider.touched(losing) == 2


def test_a_share_of_replies_is_lost(provider: Provider) -> None:
    provider.behaviours.append(LosesReplies(probability=0.5))
    assert 60 < sum(post(provider).lost for _ in range(200)) < 140


@pytest.mark.parametrize("takes", [True, False])
def test_a_stall_hangs_and_is_never_answered(provider: Provider, takes: bool) -> None:
    provider.behaviours.append(stall := Stalls(30, takes=takes))
    reply = post(provider)
    assert (reply.after_s, reply.lost, reply.taken, provider.touched(stall)) == (30, True, takes, 1)


def test_answers_can_drip(provider: Provider) -> None:
    provider.behaviours.append(drip := Trickles())
    assert (post(provider).trickle, provider.touched(drip)) == (True, 1)


def test_somebody_else_answers_in_its_place(provider: Provider) -> None:
    provider.behaviours.append(page := Babbles("page"))
    reply = post(provider)
    assert (reply.status, reply.taken, reply.noise, provider.touched(page)) == (200, False, False, 1)
    provider.behaviours[:] = [Babbles("noise")]
    reply = post(provider)
    assert (reply.status, reply.taken, reply.noise) == (0, False, True)


def test_an_address_is_refused_every_time_or_never(provider: Provider) -> None:
    provider.behaviours.append(rejecting := Rejects(0.5))
    bodies = [MAIL | {"personalizations": [{"to": [{"email": f"reader{n}@example.com"}]}]} for n in range(60)]
    first, again = ([post(provider, body=json.dumps(body).encode()).status for body in bodies] for _ in range(2))
    assert first == again
    assert set(first) == {202, 400}
    assert provider.touched(rejecting) == 2 * first.count(400)
    assert 15 < first.count(400) < 45


def test_a_limit_may_say_nothing_of_its_end(provider: Provider) -> None:
    provider.behaviours.append(RateLimits(requests=1, window_seconds=5, tells=False))
    taken, limited = post(provider), post(provider)
    assert (taken.status, limited.status) == (202, 429)
    assert not [name for name in limited.headers if "RateLimit" in name]


def test_processing_takes_about_a_tenth_of_a_second(provider: Provider) -> None:
    times = [post(provider).after_s for _ in range(500)]
    assert 0.08 < statistics.median(times) < 0.12
    assert 0 < min(times) <= max(times) <= LOGNORMAL.longest_s


def test_equal_seeds_give_equal_answers() -> None:
    def answers() -> list[Reply]:
        provider = Provider(Random("7:provider"), mail_source="/custom_args/source", mail_id="/custom_args/id")
        provider.behaviours.append(LosesReplies(probability=0.5))
        return [post(provider) for _ in range(20)]

    assert answers() == answers()


@pytest.mark.parametrize(
    ("pointer", "found"),
    [
        ("/a/b", "c"),
        ("/list/1", "y"),
        ("/list/2", None),
        ("/sl~1ash/ti~0lde", "z"),
        ("/number", None),
        ("", None),
        ("/no/where", None),
    ],
)
def test_pointers(pointer: str, found: str | None) -> None:
    document = {"a": {"b": "c"}, "list": ["x", "y"], "sl/ash": {"ti~lde": "z"}, "number": 7}
    assert string_at(document, pointer) == found


def test_a_mail_that_names_no_event_says_which_pointer_leads_nowhere() -> None:
    provider = Provider(Random("1:provider"), mail_source="/custom_args/source", mail_id="/custom_args/ident")
    reply = post(provider)
    assert (reply.taken, reply.source, reply.id) == (True, "a5", None)
    assert reply.unnamed.startswith("mail_id = '/custom_args/ident' points to no text in {\"personalizations\": [{")
    assert '"custom_args": {"source": "a5", "id": "evt_1"}' in reply.unnamed


def test_a_mail_that_names_its_event_and_one_nobody_looks_into_say_nothing(provider: Provider) -> None:
    assert post(provider).unnamed == ""
    assert post(Provider(Random("1:provider"), mail_source="", mail_id="")).unnamed == ""


def test_a_sketch_of_a_body_is_short() -> None:
    assert sketch({"to": ["a", "b"], "text": "x" * 31, "n": 1}) == '{"to": ["a"], "text": "' + "x" * 30 + '...", "n": 1}'
    assert sketch([]) == "[]"
    assert len(sketch({f"key_{number}": "value" for number in range(100)})) < 510
