/** Every answer to a submission, and everything that is no answer, as a caller of the client sees it. */

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { IngestClient, type Submission } from "../client.ts";
import { cut, cutInTheMiddle, json, page, problem, scripted, silence, status, type Step, TestClock } from "./scripted.ts";

const EVENT = { source: "a5", id: "e1", data: { n: 1 } };
const POST = `POST /ingest ${JSON.stringify(EVENT)}`;
const ACCEPTED = { status: "accepted", id: "e1", idempotency_key: "a5:e1", estimated_processing_ms: 250 };
const accepted = json(202, ACCEPTED);
const DUPLICATE = { status: "duplicate", original_id: "e1", current_status: "processing" };
const duplicate = json(200, DUPLICATE);
const ANSWERED: Submission = { outcome: "duplicate", currentStatus: "processing" };

test("202 accepted is a promise, and says when to look", async (t) => {
  const { client, requests, headers } = await scripted(t, json(202, ACCEPTED, { "retry-after": "2" }));
  assert.deepEqual(await client.submit(EVENT), { outcome: "accepted", pollAfterMs: 2000 });
  assert.deepEqual(requests, [POST]);
  assert.equal(headers[0]?.["content-type"], "application/json");
  assert.equal(headers[0]?.["x-api-key"], "k");
});

test("200 duplicate is a promise that stands", async (t) => {
  const { client } = await scripted(t, duplicate);
  assert.deepEqual(await client.submit(EVENT), ANSWERED);
});

test("200 processed is done", async (t) => {
  const { client } = await scripted(t, json(200, { status: "processed", id: "e1" }));
  assert.deepEqual(await client.submit(EVENT), { outcome: "processed" });
});

for (const code of [400, 401, 403, 404, 405, 409, 413, 415, 422]) {
  test(`${code} is refused for good, with its reason, and asked once`, async (t) => {
    const { client, requests } = await scripted(t, problem(code));
    const told = { status: code, type: "urn:test", title: "No", detail: `because ${code}` };
    assert.deepEqual(await client.submit(EVENT), { outcome: "refused", problem: told });
    assert.equal(requests.length, 1);
  });
}

test("a refusal that is no problem document is one all the same", async (t) => {
  const { client } = await scripted(t, page(413), json(404, { detail: "Not Found" }));
  const told = { status: 413, type: "about:blank", title: "", detail: "answered 413" };
  assert.deepEqual(await client.submit(EVENT), { outcome: "refused", problem: told });
  const other = { status: 404, type: "about:blank", title: "", detail: "Not Found" };
  assert.deepEqual(await client.submit(EVENT), { outcome: "refused", problem: other });
});

for (const code of [429, 503]) {
  test(`${code} is tried again, not before the service asked for it`, async (t) => {
    const { client, clock, requests } = await scripted(t, problem(code, { "retry-after": "3" }), accepted);
    assert.equal((await client.submit(EVENT)).outcome, "accepted");
    assert.deepEqual(clock.pauses, [3000]);
    assert.deepEqual(requests, [POST, POST]);
  });

  test(`${code} until the deadline took nothing`, async (t) => {
    const { client, clock } = await scripted(t, problem(code, { "retry-after": "7" }));
    const told = { status: code, type: "urn:test", title: "No", detail: `because ${code}` };
    const outcome = await client.submit(EVENT, { deadlineMs: 20_000 });
    assert.deepEqual(outcome, { outcome: "unavailable", problem: told, retryAfterMs: 7000 });
    assert.deepEqual(clock.pauses, [7000, 7000], "a third pause would end after the deadline");
  });
}

const UNKNOWN: Record<string, Step> = {
  "500": problem(500),
  "502 of something in between": page(502),
  "503 of something in between": page(503),
  "429 of something in between": page(429),
  "504": problem(504),
  "408 of something in between": page(408),
  "425 of something in between": page(425),
  "a page instead of an answer": page(200),
  "an answer of something else": json(200, { status: "ok" }),
  "202 without its word": json(202, {}),
  "a list": json(202, ["accepted"]),
  "an acceptance that is no 202": json(201, ACCEPTED),
  "a duplicate that is no 200": json(202, DUPLICATE),
  "a redirection": (response) => response.writeHead(302, { location: "/elsewhere" }).end(),
  "a cut connection": cut,
  "a cut promise": cutInTheMiddle,
};
for (const [name, step] of Object.entries(UNKNOWN)) {
  test(`${name} is unknown, and the same bytes are sent again`, async (t) => {
    const { client, requests } = await scripted(t, step, step, duplicate);
    assert.deepEqual(await client.submit(EVENT), ANSWERED);
    assert.deepEqual(requests, [POST, POST, POST]);
  });

  test(`${name} until the deadline stays unknown`, async (t) => {
    const { client } = await scripted(t, step);
    assert.equal((await client.submit(EVENT, { deadlineMs: 1000 })).outcome, "unknown");
  });
}

test("no answer in time is unknown, and tried again", async (t) => {
  const { url, requests } = await scripted(t, silence, duplicate);
  const client = new IngestClient({ url, timeoutMs: 250, clock: new TestClock() });
  assert.deepEqual(await client.submit(EVENT), ANSWERED);
  assert.ok(requests.length >= 2);
});

test("the deadline ends an answer that does not come", async (t) => {
  const { client } = await scripted(t, silence);
  assert.deepEqual(await client.submit(EVENT, { deadlineMs: 100 }), { outcome: "unknown", reason: "no answer within 100 ms" });
});

test("a refused connection is tried again until somebody listens", async (t) => {
  const { url } = await scripted(t, duplicate);
  const nobody = createServer().listen(0, "127.0.0.1");
  await once(nobody, "listening");
  const closed = `http://127.0.0.1:${(nobody.address() as AddressInfo).port}`;
  nobody.close();
  const tried: string[] = [];
  const fetching: typeof fetch = (input, init) => {
    tried.push(String(input));
    return fetch(tried.length < 3 ? `${closed}/ingest` : `${url}/ingest`, init);
  };
  const client = new IngestClient({ url, fetch: fetching, clock: new TestClock() });
  assert.deepEqual(await client.submit(EVENT), ANSWERED);
  assert.equal(tried.length, 3);
});

test("what may have been taken stays unknown, whatever is refused after it", async (t) => {
  const refusedForGood = await scripted(t, problem(504), problem(422));
  const reason = "answered 504: because 504, then answered 422: because 422";
  assert.deepEqual(await refusedForGood.client.submit(EVENT), { outcome: "unknown", reason });
  assert.equal(refusedForGood.requests.length, 2);
  const refusedForNow = await scripted(t, cut, problem(503));
  assert.equal((await refusedForNow.client.submit(EVENT, { deadlineMs: 5000 })).outcome, "unknown");
});

test("pauses grow, and are spread by up to half", async (t) => {
  const expected = [
    [0, [200, 400, 800, 1600, 3200, 5000, 5000]],
    [0.5, [250, 500, 1000, 2000, 4000, 6250]],
  ] as const;
  for (const [draw, pauses] of expected) {
    const { client, clock } = await scripted(t, problem(504));
    clock.draw = draw;
    await client.submit(EVENT, { deadlineMs: 20_000 });
    assert.deepEqual(clock.pauses, pauses);
  }
});

const TEN = "Sat, 03 Jan 2026 10:00:00 GMT";
const HALF_A_MINUTE_LATER = "Sat, 03 Jan 2026 10:00:30 GMT";
const ASKED: [string, Record<string, string>, number][] = [
  ["zero", { "retry-after": "0" }, 200],
  ["a date, by the service's own clock", { "retry-after": HALF_A_MINUTE_LATER, date: TEN }, 30_000],
  ["a date that has passed", { "retry-after": TEN }, 200],
  ["a day", { "retry-after": "86400" }, 60_000],
  ["nonsense", { "retry-after": "soon" }, 200],
  ["less than nothing", { "retry-after": "-5" }, 200],
];
for (const [name, headers, pauseMs] of ASKED) {
  test(`Retry-After: ${name}`, async (t) => {
    const { client, clock } = await scripted(t, problem(503, headers), accepted);
    assert.equal((await client.submit(EVENT, { deadlineMs: 200_000 })).outcome, "accepted");
    assert.deepEqual(clock.pauses, [pauseMs]);
  });
}

test("a Retry-After that has passed is none to wait for", async (t) => {
  const { client } = await scripted(t, problem(503, { "retry-after": TEN }));
  const outcome = await client.submit(EVENT, { deadlineMs: 100 });
  assert.equal(outcome.outcome === "unavailable" && outcome.retryAfterMs, 0);
});

test("an event that changes meanwhile is sent as it was", async (t) => {
  const { client, clock, requests } = await scripted(t, problem(503), accepted);
  const event = { ...EVENT, data: { n: 1 } };
  clock.onSleep = () => (event.data.n = 2);
  await client.submit(event);
  assert.deepEqual(requests, [POST, POST]);
});

test("an aborted call rejects with the reason and sends nothing more", async (t) => {
  const reason = new Error("the page was left");
  const before = await scripted(t, accepted);
  await assert.rejects(before.client.submit(EVENT, { signal: AbortSignal.abort(reason) }), reason);
  assert.equal(before.requests.length, 0);

  const during = new AbortController();
  const asking = await scripted(t, () => {
    asking.clock.pass(60_000); // the deadline has come as well, and there is nothing left to wait for
    during.abort(reason);
  });
  await assert.rejects(asking.client.submit(EVENT, { signal: during.signal }), reason);
  assert.equal(asking.requests.length, 1);

  const between = new AbortController();
  const pausing = await scripted(t, problem(503), status("pending"));
  pausing.clock.onSleep = () => between.abort(reason);
  await assert.rejects(pausing.client.submit(EVENT, { signal: between.signal }), reason);
  await assert.rejects(pausing.client.follow(EVENT, { signal: between.signal }), reason);
  assert.equal(pausing.requests.length, 1);
});

test("an aborted call does not sit out its pause", async (t) => {
  const { url } = await scripted(t, problem(503, { "retry-after": "3600" }));
  const controller = new AbortController();
  const client = new IngestClient({
    url,
    fetch: async (...given) => {
      const response = await fetch(...given);
      setTimeout(() => controller.abort(), 50); // by then the client sleeps, by its own clock
      return response;
    },
  });
  await assert.rejects(client.submit(EVENT, { signal: controller.signal, deadlineMs: 7_200_000 }), { name: "AbortError" });
});

test("a slash at the end of the URL is one slash", async (t) => {
  const { url, requests } = await scripted(t, accepted);
  await new IngestClient({ url: `${url}//` }).submit(EVENT);
  assert.deepEqual(requests, [POST]);
});

test("a wrong URL or header is told at once", () => {
  assert.throws(() => new IngestClient({ url: "a7.example" }), TypeError);
  assert.throws(() => new IngestClient({ url: "http://a7.example", headers: { "X-Api-Key": "k\n" + "k" } }), TypeError);
});
