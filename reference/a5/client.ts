/**
 * The A5 client: submits events to the ingestion service and follows them to their end, in Node 20.3 or newer and in browsers.
 *
 *     const client = new IngestClient({ url: "https://a7.example" });
 *     const sent = await client.submit({ source: "a5", id: "evt_abc123", data: { n: 1 } });
 *     if (sent.outcome === "accepted") console.log(await client.follow({ source: "a5", id: "evt_abc123" }));
 *
 * Nothing that the service or the network does makes a call throw: it is an outcome. Only an aborted signal does, with its
 * reason. Where to go next: answers.ts (what each outcome means).
 */

import { type Ending, type IngestEvent, type Pair, type Reply, type Submission } from "./answers.ts";
import { isObject, readEnding, readSubmission, retryAfterOf } from "./answers.ts";

export type { Ending, IngestEvent, Pair, Submission };
export type { Problem, Status } from "./answers.ts";

export interface ClientOptions {
  /** Where the service is; /ingest is appended. */
  readonly url: string;
  /** Sent with every request, for an API key, say. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** How long one answer may take (15 s: the synchronous service takes up to 10). */
  readonly timeoutMs?: number | undefined;
  readonly fetch?: typeof globalThis.fetch | undefined;
  readonly clock?: Clock | undefined;
}

export interface CallOptions {
  /** How long to go on trying, all attempts together. */
  readonly deadlineMs?: number | undefined;
  /** Ends the call at once; it then rejects with the signal's reason, and what was being sent may have been taken. */
  readonly signal?: AbortSignal | undefined;
}

export interface FollowOptions extends CallOptions {
  /** Wait this long before the first look; an acceptance's `pollAfterMs`, say. */
  readonly afterMs?: number | undefined;
}

/** Time as the client sees it; tests give one of their own. */
export interface Clock {
  nowMs(): number;
  /** Resolves after `ms`, or rejects with the signal's reason as soon as it is aborted. */
  sleep(ms: number, signal: AbortSignal | undefined): Promise<void>;
  /** At least 0, less than 1. */
  random(): number;
}

const TIMEOUT_MS = 15_000;
const SUBMIT_DEADLINE_MS = 60_000;
const FOLLOW_DEADLINE_MS = 120_000;
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 5_000;
const LONGEST_RETRY_AFTER_MS = 60_000; // what is asked beyond this is a mistake: nobody is parked for a day
// A redirected POST would come back as a GET, and whatever that finds is no promise; nor is a status out of a cache.
const DIRECTLY = { redirect: "error", cache: "no-store" } as const;

export class IngestClient {
  readonly #base: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #timeoutMs: number;
  readonly #fetch: typeof globalThis.fetch;
  readonly #clock: Clock;

  constructor(options: ClientOptions) {
    this.#base = `${options.url.replace(/\/+$/, "")}/ingest`;
    this.#headers = options.headers ?? {};
    new Request(this.#base, { headers: { ...this.#headers } }); // throws at a wrong URL or header, which no retry would mend
    this.#timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
    const { fetch } = options;
    // A browser's fetch must not be called as a method of something else.
    this.#fetch = fetch === undefined ? (...given) => globalThis.fetch(...given) : (...given) => fetch(...given);
    this.#clock = options.clock ?? realClock;
  }

  /**
   * Submits one event, retrying the same bytes until the service promises it, refuses it for good, or the deadline comes
   * (60 s). An attempt whose outcome is unknown leaves the whole call unknown, unless a later one is promised.
   */
  async submit(event: IngestEvent, options: CallOptions = {}): Promise<Submission> {
    const patience = new Patience(this.#clock, options.deadlineMs ?? SUBMIT_DEADLINE_MS, options.signal);
    const headers = { ...this.#headers, "Content-Type": "application/json" };
    const request = { method: "POST", headers, body: JSON.stringify(event) };
    let doubt: string | null = null;
    for (;;) {
      const reply = await this.#ask(this.#base, request, patience);
      const answer = readSubmission(reply);
      if (answer.outcome === "accepted" || answer.outcome === "duplicate" || answer.outcome === "processed") return answer;
      if (answer.outcome === "unknown") doubt = answer.reason;
      if (answer.outcome === "refused" || !(await patience.pause(reply.retryAfterMs))) {
        // A refusal speaks for its own attempt: it does not say what became of an earlier one that nobody answered.
        if (doubt === null) return answer;
        return { outcome: "unknown", reason: doubt === reply.told ? doubt : `${doubt}, then ${reply.told}` };
      }
    }
  }

  /** Looks at an event's status, ever more rarely, until it is completed or failed, or the deadline comes (120 s). */
  async follow(pair: Pair, options: FollowOptions = {}): Promise<Ending> {
    const patience = new Patience(this.#clock, options.deadlineMs ?? FOLLOW_DEADLINE_MS, options.signal);
    const url = `${this.#base}/${encodeURIComponent(pair.id)}/status?source=${encodeURIComponent(pair.source)}`;
    if (options.afterMs !== undefined) await patience.wait(options.afterMs);
    let seen: Ending & { outcome: "unknown" } = { outcome: "unknown", lastStatus: null, reason: "" };
    for (;;) {
      const reply = await this.#ask(url, { headers: this.#headers }, patience);
      const answer = readEnding(reply);
      if (answer.outcome !== "unknown") return answer;
      seen = { ...answer, lastStatus: answer.lastStatus ?? seen.lastStatus };
      if (!(await patience.pause(reply.retryAfterMs))) return seen;
    }
  }

  /** One request and its whole answer, or why there is none. */
  async #ask(url: string, request: RequestInit, patience: Patience): Promise<Reply> {
    const withinMs = Math.min(this.#timeoutMs, patience.leftMs);
    const timeout = AbortSignal.timeout(withinMs);
    const signal = patience.signal === undefined ? timeout : AbortSignal.any([patience.signal, timeout]);
    try {
      const response = await this.#fetch(url, { ...request, ...DIRECTLY, signal });
      return await replyOf(response);
    } catch (error) {
      patience.signal?.throwIfAborted();
      const told = timeout.aborted ? `no answer within ${withinMs} ms` : `no answer: ${causeOf(error)}`;
      return { status: null, told, retryAfterMs: null, isProblem: false, body: {} };
    }
  }
}

async function replyOf(response: Response): Promise<Reply> {
  const body = jsonOf(await response.text());
  const isProblem = response.headers.get("content-type")?.startsWith("application/problem+json") ?? false;
  const detail = isProblem && typeof body["detail"] === "string" ? `: ${body["detail"]}` : "";
  const told = `answered ${response.status}${detail}`;
  return { status: response.status, told, retryAfterMs: retryAfterOf(response.headers), isProblem, body };
}

function jsonOf(text: string): Record<string, unknown> {
  try {
    const read: unknown = JSON.parse(text);
    return isObject(read) ? read : {};
  } catch {
    return {};
  }
}

/** What fetch says is "fetch failed"; why stands below. */
function causeOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return cause instanceof Error ? cause.message || cause.name : String(cause);
}

/**
 * How long a call waits between its attempts, and when it gives up: pauses grow, are never shorter than what the service asked
 * for, and are spread so that clients do not come back together.
 */
class Patience {
  readonly signal: AbortSignal | undefined;
  readonly #clock: Clock;
  readonly #endsAtMs: number;
  #pauseMs = FIRST_PAUSE_MS;

  constructor(clock: Clock, deadlineMs: number, signal: AbortSignal | undefined) {
    this.signal = signal;
    this.#clock = clock;
    this.#endsAtMs = clock.nowMs() + deadlineMs;
  }

  /** What is left; the first attempt is made even if that is nothing. */
  get leftMs(): number {
    return Math.max(1, Math.ceil(this.#endsAtMs - this.#clock.nowMs()));
  }

  /** Waits before the next attempt; false, at once, if that would begin after the deadline. */
  async pause(retryAfterMs: number | null): Promise<boolean> {
    const askedMs = Math.min(retryAfterMs ?? 0, LONGEST_RETRY_AFTER_MS);
    const pauseMs = Math.max(askedMs, this.#pauseMs) * (1 + this.#clock.random() / 2);
    this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS);
    return this.wait(pauseMs);
  }

  /** Waits exactly this long; false, at once, if that would end after the deadline. */
  async wait(ms: number): Promise<boolean> {
    if (this.#clock.nowMs() + ms >= this.#endsAtMs) return false;
    await this.#clock.sleep(ms, this.signal);
    return true;
  }
}

const realClock: Clock = {
  nowMs: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const onAbort = (): void => {
        clearTimeout(timer);
        reject(signal?.reason);
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      }, ms);
      signal?.addEventListener("abort", onAbort, { once: true });
    }),
  random: Math.random,
};
