/**
 * Delivers or reads events with one of the two clients, and says as JSON lines what was on the wire and what the client told.
 *
 *     A7_URL=http://127.0.0.1:8000 node deliver.ts a5|draft deliver|read ID...
 *
 * It begins when it is told to, by a line on its standard input. The same program for both, so that the same test judges both:
 * tests/reference/a5/test_contract.py starts it.
 */

import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { IngestClient } from "../client.ts";
import { ingestToA7, processedAt } from "./draft_client.ts";

const BETWEEN_EVENTS_MS = 50;

interface Told {
  /** What the client calls the submission; "threw" if it called it nothing. */
  readonly said: string;
  /** What it calls the end, null if it never looked. */
  readonly ended: string | null;
  readonly processedAtMs: number | null;
}

interface Event {
  readonly id: string;
  readonly source: string;
}

type Client = Record<"deliver" | "read", (event: Event) => Promise<Told>>;

const a5 = new IngestClient({ url: process.env["A7_URL"] ?? "" });

const CLIENTS: Record<string, Client> = {
  a5: {
    async deliver(event) {
      const sent = await a5.submit(event);
      const promised = sent.outcome === "accepted" || sent.outcome === "duplicate" || sent.outcome === "processed";
      return promised ? follow(sent.outcome, event) : { said: sent.outcome, ended: null, processedAtMs: null };
    },
    read: (event) => follow("", event),
  },
  draft: {
    async deliver(event) {
      return { said: (await ingestToA7(event)).status, ended: null, processedAtMs: null };
    },
    async read(event) {
      return { said: "", ended: null, processedAtMs: (await processedAt(event)).getTime() };
    },
  },
};

async function follow(said: string, event: Event): Promise<Told> {
  const end = await a5.follow(event);
  const processedAtMs = end.outcome === "completed" ? (end.processedAt?.getTime() ?? null) : null;
  return { said, ended: end.outcome, processedAtMs };
}

/** Every answer to a POST, as it is on the wire, whichever client asked. */
function recordTheWire(): void {
  const fetching = globalThis.fetch;
  globalThis.fetch = async (input, init) => {
    const id = init?.method === "POST" ? (JSON.parse(String(init.body)) as Event).id : null;
    try {
      const response = await fetching(input, init);
      if (id !== null) say({ wire: id, status: response.status, answer: await answerOf(response.clone()) });
      return response;
    } catch (error) {
      if (id !== null) say({ wire: id, status: null, answer: null });
      throw error;
    }
  };
}

async function answerOf(response: Response): Promise<unknown> {
  return ((await response.json()) as { status: unknown }).status;
}

function say(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

async function main(name: string, verb: "deliver" | "read", ids: readonly string[]): Promise<void> {
  const client = CLIENTS[name];
  if (client === undefined) throw new Error(`there is no client ${name}`);
  say({ ready: true });
  await once(process.stdin, "data");
  process.stdin.destroy();
  recordTheWire();
  await Promise.all(
    ids.map(async (id, number) => {
      await sleep(number * BETWEEN_EVENTS_MS);
      const event = { id, source: name, email: { to: "reader@example.com", subject: "Ready", text: "Your page is ready." } };
      const told = await client[verb](event).catch(() => ({ said: "threw", ended: null, processedAtMs: null }));
      say({ told: id, ...told });
    }),
  );
}

const [name = "", verb = "", ...ids] = process.argv.slice(2);
await main(name, verb === "read" ? "read" : "deliver", ids);
