/**
 * The A5 client as the pull-request draft shows it, mistakes included: what the contract test has to convict.
 *
 * Do not repair it. Only the names that the draft leaves open are filled in, and the reading of a time: the draft's contract has
 * `processed_at` and its client never asks for it, so `processedAt` is what a caller writes who trusts that. Next: deliver.ts.
 */

const A7_URL = process.env["A7_URL"];

interface Event {
  id: string;
  source: string;
}

type IngestResult = { status: "pending"; eventId: string } | { status: "error" };

export async function ingestToA7(event: Event): Promise<IngestResult> {
  const response = await fetch(`${A7_URL}/ingest`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(event),
  });

  if (response.status === 202) {
    // Async accepted - poll for completion if needed
    const result = (await response.json()) as { id: string };
    return { status: "pending", eventId: result.id };
  }

  return { status: "error" };
}

export async function processedAt(event: Event): Promise<Date> {
  const response = await fetch(`${A7_URL}/ingest/${event.id}/status`);
  return new Date(((await response.json()) as { processed_at: string }).processed_at);
}
