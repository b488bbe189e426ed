/** Every answer to a look at a status, and what the types keep a caller from. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { utcOf } from "../answers.ts";
import type { Ending, Submission } from "../client.ts";
import { cut, json, page, problem, scripted, status } from "./scripted.ts";

process.env["TZ"] = "America/New_York"; // where a time read as local is hours off

const EVENT = { source: "a5", id: "e1" };

test("an event is followed to its end, ever more rarely, and its time is UTC", async (t) => {
  const done = status("completed", { processed_at: "2026-01-05T21:00:00.123456", result: { rows: 1 } });
  const steps = [status("pending"), status("processing"), status("processing"), done];
  const { client, clock, requests, headers } = await scripted(t, ...steps);
  const end = await client.follow(EVENT);
  const processedAt = new Date(Date.UTC(2026, 0, 5, 21, 0, 0, 123));
  assert.deepEqual(end, { outcome: "completed", processedAt, result: { rows: 1 } });
  assert.deepEqual(clock.pauses, [200, 400, 800]);
  assert.deepEqual(new Set(requests), new Set(["GET /ingest/e1/status?source=a5"]));
  assert.equal(headers[0]?.["x-api-key"], "k");
});

test("a look is not taken before it is asked for", async (t) => {
  const waiting = json(200, { id: "e1", status: "pending", processed_at: null, result: null }, { "retry-after": "1" });
  const { client, clock } = await scripted(t, waiting, waiting, waiting, waiting, status("completed"));
  assert.equal((await client.follow(EVENT, { afterMs: 700 })).outcome, "completed");
  assert.deepEqual(clock.pauses, [700, 1000, 1000, 1000, 1600]);
});

test("what the service gave up has failed, for its reason", async (t) => {
  const { client } = await scripted(t, status("failed", { result: { error: "the mail provider answered 400" } }));
  assert.deepEqual(await client.follow(EVENT), { outcome: "failed", reason: "the mail provider answered 400" });
});

test("not at its end before the deadline is unknown, not failed", async (t) => {
  const { client } = await scripted(t, status("pending"), status("processing"), problem(503), cut);
  const end = await client.follow(EVENT, { deadlineMs: 3000 });
  assert.equal(end.outcome, "unknown");
  assert.equal(end.outcome === "unknown" && end.lastStatus, "processing");
});

test("an event that is still at work says so", async (t) => {
  const { client } = await scripted(t, status("pending"));
  const end = await client.follow(EVENT, { deadlineMs: 3000 });
  assert.deepEqual(end, { outcome: "unknown", lastStatus: "pending", reason: "still pending" });
});

test("a status that cannot be read is asked for again", async (t) => {
  const failing = json(500, { id: "e1", status: "failed" }); // the word of an error is nobody's status
  const steps = [cut, problem(503, { "retry-after": "4" }), page(200), failing, status("completed")];
  const { client, clock } = await scripted(t, ...steps);
  assert.equal((await client.follow(EVENT)).outcome, "completed");
  assert.deepEqual(clock.pauses, [200, 4000, 800, 1600]);
});

test("an unknown event and a forbidden look are told apart", async (t) => {
  const { client, requests } = await scripted(t, problem(404), problem(401));
  assert.equal((await client.follow(EVENT)).outcome, "not-found");
  assert.equal((await client.follow(EVENT)).outcome, "refused");
  assert.equal(requests.length, 2);
});

test("ids and sources of any characters name one event", async (t) => {
  const { client, requests } = await scripted(t, status("completed"));
  await client.follow({ source: "/a?b=c&d #é", id: "x/y?z#:@%41" });
  assert.deepEqual(requests, ["GET /ingest/x%2Fy%3Fz%23%3A%40%2541/status?source=%2Fa%3Fb%3Dc%26d%20%23%C3%A9"]);
});

test("times are UTC whether or not they say so", () => {
  const noon = Date.UTC(2026, 6, 1, 12);
  const told = ["2026-07-01T12:00:00", "2026-07-01T12:00:00Z", "2026-07-01 12:00:00.000000", "2026-07-01T14:00:00+02:00"];
  assert.deepEqual(told.map((time) => utcOf(time)?.getTime()), told.map(() => noon));
  assert.equal(new Date("2026-07-01T12:00:00").getTime() - noon, 4 * 3_600_000, "what `new Date` makes of it, in this zone");
  assert.deepEqual(["", "soon", null, 5, "2026-13-01T00:00:00Z"].map(utcOf), [null, null, null, null, null]);
});

test("an outcome can only be read by its name", () => {
  // The type checker is the test here: an expected error that does not come is an error.
  const read = (sent: Submission, end: Ending): string => {
    // @ts-expect-error: a problem is only there after looking at the outcome
    void sent.problem;
    // @ts-expect-error: there is no outcome "failed" of a submission, and none that is simply an error
    void (sent.outcome === "failed");
    // @ts-expect-error: nor anything that could be taken for yes or no
    void sent.ok;
    switch (end.outcome) {
      case "failed":
      case "unknown":
        return end.reason;
      case "not-found":
      case "refused":
        return end.problem.detail;
      case "completed":
        return String(end.processedAt?.getTime());
    }
  };
  assert.equal(read({ outcome: "processed" }, { outcome: "failed", reason: "why" }), "why");
});
