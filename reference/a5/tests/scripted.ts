/** A server that answers what it is told, request by request, and a clock that nobody waits for. Next: submit.test.ts. */

import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import { type Clock, IngestClient } from "../client.ts";

export type Step = (response: ServerResponse) => void;

export interface Scripted {
  readonly client: IngestClient;
  readonly url: string;
  readonly clock: TestClock;
  /** "METHOD target body" of every request, in order. */
  readonly requests: string[];
  readonly headers: IncomingMessage["headers"][];
}

/** Time passes when somebody sleeps or says so, and at no other moment; every pause is written down. */
export class TestClock implements Clock {
  readonly pauses: number[] = [];
  draw = 0;
  onSleep: () => void = () => undefined;
  #nowMs = 0;

  nowMs(): number {
    return this.#nowMs;
  }

  async sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
    this.pauses.push(ms);
    this.onSleep();
    signal?.throwIfAborted();
    this.pass(ms);
  }

  pass(ms: number): void {
    this.#nowMs += ms;
  }

  random(): number {
    return this.draw;
  }
}

/** A server whose answers are `steps`, the last one for ever, with a client of it. */
export async function scripted(test: TestContext, ...steps: Step[]): Promise<Scripted> {
  const requests: string[] = [];
  const headers: IncomingMessage["headers"][] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    requests.push(`${request.method} ${request.url} ${Buffer.concat(chunks).toString()}`.trim());
    headers.push(request.headers);
    steps[Math.min(requests.length, steps.length) - 1]?.(response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  test.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const clock = new TestClock();
  return { client: new IngestClient({ url, clock, headers: { "X-Api-Key": "k" } }), url, clock, requests, headers };
}

export function json(status: number, body: unknown, headers: Record<string, string> = {}): Step {
  return (response) => response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
}

/** The status of an event, which answers 200. */
export function status(word: string, more: object = {}): Step {
  return json(200, { id: "e1", status: word, processed_at: null, result: null, ...more });
}

export function problem(status: number, headers: Record<string, string> = {}): Step {
  const body = { type: "urn:test", title: "No", status, detail: `because ${status}` };
  return json(status, body, { "content-type": "application/problem+json", ...headers });
}

export function page(status: number): Step {
  return (response) => response.writeHead(status, { "content-type": "text/html" }).end("<p>Sign in</p>");
}

/** The connection is cut instead of an answer. */
export const cut: Step = (response) => void response.socket?.destroy();

/** The connection is cut in the middle of what would have been a promise. */
export const cutInTheMiddle: Step = (response) => {
  response.writeHead(202, { "content-type": "application/json", "content-length": "100" });
  response.write('{"status":"accepted",', () => response.socket?.destroy());
};

/** No answer ever comes. */
export const silence: Step = () => undefined;
