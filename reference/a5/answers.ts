/**
 * What an answer of the ingestion service means. Nothing here sends anything.
 *
 * Every outcome has a name of its own, and its fields can only be read once that name was looked at: "unknown" is never
 * "refused", and neither is ever "failed". Where to go next: client.ts retries and polls.
 */

/** What identifies an event: the same id from two sources is two events. */
export interface Pair {
  readonly source: string;
  readonly id: string;
}

/** One event as the service takes it. */
export interface IngestEvent extends Pair {
  readonly type?: string | undefined;
  readonly data?: unknown;
  readonly email?: { readonly to: string; readonly subject: string; readonly text: string } | undefined;
}

export type Status = "pending" | "processing" | "completed" | "failed";

/** Why the service said no (RFC 9457); made up where the body does not say. */
export interface Problem {
  readonly status: number;
  readonly type: string;
  readonly title: string;
  readonly detail: string;
}

/** What became of submitting an event. */
export type Submission =
  /** A promise: it will be stored and mailed. Follow it if you need to know when. */
  | { readonly outcome: "accepted"; readonly pollAfterMs: number }
  /** This pair was promised before, perhaps to an attempt whose answer was lost; that promise stands. */
  | { readonly outcome: "duplicate"; readonly currentStatus: Status | null }
  /** Already stored and mailed: the service works synchronously now. */
  | { readonly outcome: "processed" }
  /** Refused for good, nothing was taken: the same event will be refused again. */
  | { readonly outcome: "refused"; readonly problem: Problem }
  /** Refused for now until the deadline, nothing was taken: submit it again later, as late as the service asked if it did. */
  | { readonly outcome: "unavailable"; readonly problem: Problem; readonly retryAfterMs: number | null }
  /** It may or may not have been taken: submit the same pair again later. Never count it as failed. */
  | { readonly outcome: "unknown"; readonly reason: string };

/** What became of an event that was promised. */
export type Ending =
  /** Stored and mailed; this never changes again. */
  | { readonly outcome: "completed"; readonly processedAt: Date | null; readonly result: unknown }
  /** The service itself says that it could not be done, and why. */
  | { readonly outcome: "failed"; readonly reason: string }
  /** The service knows no event of this pair. */
  | { readonly outcome: "not-found"; readonly problem: Problem }
  /** The service does not let us ask. */
  | { readonly outcome: "refused"; readonly problem: Problem }
  /** Not at its end before the deadline, or nobody could say: follow it again. Never count it as failed. */
  | { readonly outcome: "unknown"; readonly lastStatus: Status | null; readonly reason: string };

/** One answer, or the lack of one. */
export interface Reply {
  /** The HTTP status; null if there was no whole answer, and `told` says why. */
  readonly status: number | null;
  readonly told: string;
  readonly retryAfterMs: number | null;
  readonly isProblem: boolean;
  /** The body, if it was a JSON object. */
  readonly body: Readonly<Record<string, unknown>>;
}

/** What one attempt tells by itself; an answer that is none of the contract's leaves it unknown. */
export function readSubmission(reply: Reply): Submission {
  const said = reply.body["status"];
  if (reply.status === 202 && said === "accepted") return { outcome: "accepted", pollAfterMs: reply.retryAfterMs ?? 0 };
  if (reply.status === 200 && said === "duplicate") {
    return { outcome: "duplicate", currentStatus: statusOf(reply.body["current_status"]) };
  }
  if (reply.status === 200 && said === "processed") return { outcome: "processed" };
  // Only the service itself knows that nothing was taken: a 503 of something in between may have followed a taken event.
  if ((reply.status === 429 || reply.status === 503) && reply.isProblem) {
    return { outcome: "unavailable", problem: problemOf(reply, reply.status), retryAfterMs: reply.retryAfterMs };
  }
  if (isRefusal(reply)) return { outcome: "refused", problem: problemOf(reply, reply.status) };
  return { outcome: "unknown", reason: reply.told };
}

/** What one look at a status tells. */
export function readEnding(reply: Reply): Ending {
  if (reply.status === 404) return { outcome: "not-found", problem: problemOf(reply, 404) };
  if (isRefusal(reply)) return { outcome: "refused", problem: problemOf(reply, reply.status) };
  const { result } = reply.body;
  const error = isObject(result) ? text(result["error"]) : "";
  const status = reply.status === 200 ? statusOf(reply.body["status"]) : null;
  if (status === "completed") return { outcome: "completed", processedAt: utcOf(reply.body["processed_at"]), result };
  if (status === "failed") return { outcome: "failed", reason: error || "no reason was given" };
  return { outcome: "unknown", lastStatus: status, reason: status === null ? reply.told : `still ${status}` };
}

/** A time of the service, which is UTC whether or not it says so; `new Date` would take one without a zone as local. */
export function utcOf(value: unknown): Date | null {
  const parts = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(\.\d{1,3})?\d*(Z|[+-]\d\d:\d\d)?$/i.exec(text(value));
  if (parts === null) return null;
  const [, day, time, fraction = "", zone = "Z"] = parts;
  const read = new Date(`${day}T${time}${fraction}${zone}`);
  return Number.isNaN(read.getTime()) ? null : read;
}

/** The milliseconds a Retry-After asks for, given as seconds or as a date; null if it says neither. */
export function retryAfterOf(headers: Headers): number | null {
  const asked = headers.get("retry-after")?.trim() ?? "";
  if (/^\d+$/.test(asked)) return Number(asked) * 1000;
  const until = Date.parse(asked);
  if (Number.isNaN(until)) return null;
  const said = Date.parse(headers.get("date") ?? ""); // the service's clock, for ours may be wrong
  return Math.max(0, until - (Number.isNaN(said) ? Date.now() : said));
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

const MAY_PASS = [408, 425, 429]; // a proxy that timed out, an early try, a full queue: the same request may be taken later

function isRefusal(reply: Reply): reply is Reply & { readonly status: number } {
  return reply.status !== null && reply.status >= 400 && reply.status < 500 && !MAY_PASS.includes(reply.status);
}

function problemOf(reply: Reply, status: number): Problem {
  const { type, title, detail } = reply.body;
  return { status, type: text(type) || "about:blank", title: text(title), detail: text(detail) || reply.told };
}

function statusOf(value: unknown): Status | null {
  return value === "pending" || value === "processing" || value === "completed" || value === "failed" ? value : null;
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
