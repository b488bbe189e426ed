// The tabs Faults and Promises of Locust's page. Locust (React) draws the tabs themselves; what they hold is drawn here, from
// what /harness/state says, into a section beside Locust's own. Below Locust's charts stands the picture with the faults.

const TOKEN = document.getElementById("harness-script").dataset.token;
const EVERY_MS = 1000;
const PICTURE_EVERY_MS = 3000;
const SHOWN_ON = { faults: drawFaults, promises: drawPromises, charts: drawCharts };

const section = make("section", { id: "harness" });
const problem = make("p", { className: "problem", role: "alert" });
let state = null;
let drawn = ""; // the tab whose frame stands in the section
let picture = { url: "", at: 0 };

async function ask(method, path, body) {
  const headers = { "X-Harness-Token": TOKEN, "Content-Type": "application/json" };
  const answer = await fetch(`./harness/${path}`, { method, headers, body: body && JSON.stringify(body) });
  if (!answer.ok) {
    const told = await answer.text();
    let detail = told;
    try { detail = JSON.parse(told).detail ?? told; } catch { /* not JSON: the text is the sentence */ }
    throw new Error(typeof detail === "string" ? detail : JSON.stringify(detail));
  }
  return answer;
}

// Small words of the document.

function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

function row(...cells) {
  return make("tr", {}, ...cells.map((cell) => (cell instanceof HTMLTableCellElement ? cell : make("td", {}, cell ?? ""))));
}

function table(id, ...heads) {
  const body = make("tbody", { id });
  const head = make("thead", {}, make("tr", {}, ...heads.map((text) => make("th", {}, text))));
  return make("table", {}, head, body);
}

function inWords(ruling) {
  return ruling.replaceAll("_", " ");
}

function ruled(ruling) {
  return make("span", { className: `ruling ${ruling}` }, inWords(ruling));
}

function replaceRows(id, rows) {
  document.getElementById(id)?.replaceChildren(...rows);
}

// Faults: what exists, with a button each; and what was started, with its evidence.

function drawFaults(isNew) {
  if (isNew) {
    const offers = table("harness-offers", "fault", "what it does", "settings", "");
    const started = table("harness-injections", "#", "fault", "from", "to", "evidence", "");
    section.append(make("h2", {}, "Faults"), offers, make("h2", {}, "Started so far"), started);
    replaceRows("harness-offers", state.offers.map(offered));
  }
  for (const offer of state.offers) refreshButton(offer);
  replaceRows("harness-injections", [...state.injections].reverse().map(started));
}

function offered(offer) {
  const inputs = offer.settings.map((setting) => [setting.name, input(setting)]);
  const seconds = make("input", { type: "number", min: 0, placeholder: "∞", ariaLabel: `${offer.name} seconds` });
  const labelled = inputs.map(([name, element]) => make("label", {}, `${name} `, element));
  if (!offer.momentary) labelled.push(make("label", { title: "empty: until it is stopped" }, "for seconds ", seconds));
  const button = make("button", { type: "button", id: `start-${offer.name}` }, "Start");
  button.onclick = () => toggle(offer, inputs, seconds.value);
  const settings = offer.why_not ? make("span", { className: "soft" }, `Not here: ${offer.why_not}`) : make("div", {}, ...labelled);
  return row(make("b", {}, offer.name), offer.story, settings, button);
}

function input(setting) {
  if (setting.kind === "choice") {
    const options = setting.choices.map((choice) => make("option", { selected: choice === setting.default }, choice));
    return make("select", { name: setting.name }, ...options);
  }
  const step = setting.kind === "whole number" ? "1" : "any";
  return make("input", { type: "number", name: setting.name, value: setting.default, step });
}

function value(element) {
  return element.type === "number" ? Number(element.value) : element.value;
}

function underWay(offer) {
  return state.injections.find((one) => one.name === offer.name && one.phase !== "over");
}

function refreshButton(offer) {
  const button = document.getElementById(`start-${offer.name}`);
  const open = underWay(offer);
  button.disabled = Boolean(offer.why_not) || open?.phase === "healing";
  button.className = open ? "stop" : "";
  button.textContent = open ? (open.phase === "healing" ? "Healing" : "Stop") : "Start";
}

function toggle(offer, inputs, seconds) {
  const open = underWay(offer);
  const given = inputs.filter(([, element]) => element.value !== ""); // an empty field: the default
  const settings = Object.fromEntries(given.map(([name, element]) => [name, value(element)]));
  const body = { fault: offer.name, settings, seconds: seconds === "" ? null : Number(seconds) };
  return act(() => (open ? ask("DELETE", `faults/${open.index}`) : ask("POST", "faults", body)));
}

function started(one) {
  const settings = Object.entries(one.settings).map(([name, given]) => `${name}=${given}`).join(", ");
  const evidence = one.phase === "over" ? one.evidence ?? "left no evidence: it proved nothing" : one.phase;
  const end = one.end_s === null ? "" : `${one.end_s.toFixed(1)} s`;
  return row(one.index, settings ? `${one.name} (${settings})` : one.name, `${one.begin_s.toFixed(1)} s`, end, evidence);
}

async function act(work) {
  try {
    await work();
    problem.textContent = "";
  } catch (error) {
    problem.textContent = error.message;
  }
  await refresh();
}

// Promises: counts, rulings so far, the picture.

const COUNTS = {
  accepted: "accepted", backlog: "backlog", stored: "stored", mailed: "mailed", lost: "lost", stored_twice: "stored twice",
  mailed_twice: "mailed twice", duplicate: "duplicates", refused: "refused", unknown: "unknown", failed: "failed",
};

function drawPromises(isNew) {
  const standing = state.standing;
  if (isNew) {
    const verdicts = table("harness-verdicts", "ruling", "promise", "checked", "why");
    section.append(make("h2", { id: "harness-phase" }), make("ul", { id: "harness-counts", className: "cards" }));
    section.append(frame(), make("h2", {}, "Rulings so far"), verdicts);
  }
  const phase = document.getElementById("harness-phase");
  const soFar = standing.phase === "at rest" ? "" : " so far: what is missing may still come until everything is at rest";
  const badge = ruled(standing.ruling);
  if (soFar && standing.ruling === "unknown") badge.textContent = "nothing broken";
  phase.replaceChildren(badge, ` ${standing.phase}, ${standing.at_s.toFixed(0)} s${soFar}`);
  phase.dataset.phase = standing.phase;
  phase.dataset.ruling = standing.ruling;
  const cards = Object.entries(COUNTS).map(([key, name]) => card(key, name, standing.counts[key]));
  const provider = make("li", { className: "wide", id: "count-breaker" }, make("b", {}, standing.provider), "breaker, as the provider sees it");
  document.getElementById("harness-counts").replaceChildren(...cards, provider);
  replaceRows("harness-verdicts", sorted(standing.verdicts).map(judged));
  refreshPicture();
}

function card(key, name, number) {
  const title = number === null ? "known when everything is at rest" : "";
  return make("li", { id: `count-${key}`, title }, make("b", {}, number ?? "–"), name);
}

const ORDER = ["violated", "unknown", "held", "not_applicable"];

function sorted(verdicts) {
  return [...verdicts].sort((one, other) => ORDER.indexOf(one.ruling) - ORDER.indexOf(other.ruling));
}

function judged(verdict) {
  const told = verdict.violations.slice(0, 3).map((violation) => violation.what);
  if (verdict.violations.length > 3) told.push(`and ${verdict.violations.length - 3} more`);
  const why = [verdict.reason, ...told].filter(Boolean).join("; ");
  return row(ruled(verdict.ruling), verdict.claim, make("td", { className: "number" }, verdict.checked), why);
}

function drawCharts(isNew) {
  if (isNew) section.append(make("h2", {}, "The same time, with the faults"), frame());
  refreshPicture();
}

function frame() {
  const image = make("img", { id: "harness-picture", alt: "faults, latency, backlog and mails over time" });
  if (picture.url) image.src = picture.url;
  return image;
}

async function refreshPicture() {
  if (Date.now() - picture.at < PICTURE_EVERY_MS) return;
  picture.at = Date.now();
  let answer;
  try { answer = await ask("GET", "timeline.svg"); } catch { return; } // refresh() says so
  const before = picture.url;
  picture.url = URL.createObjectURL(await answer.blob());
  const shown = document.getElementById("harness-picture");
  if (shown) shown.src = picture.url;
  if (before) URL.revokeObjectURL(before);
}

// What Locust shows decides what we show.

function shownTab() {
  const tab = new URLSearchParams(location.search).get("tab");
  return document.querySelector("[role=tablist]") && tab in SHOWN_ON ? tab : "";
}

function draw() {
  const tab = shownTab();
  const main = document.querySelector("main");
  if (!main || !tab || !state) {
    section.remove();
    drawn = "";
    return;
  }
  const isNew = drawn !== tab || section.parentElement !== main;
  if (isNew) {
    section.replaceChildren(problem);
    main.append(section);
    drawn = tab;
  }
  SHOWN_ON[tab](isNew);
}

async function refresh() {
  try {
    state = await (await ask("GET", "state")).json();
    if (problem.dataset.cause === "silence") problem.textContent = problem.dataset.cause = "";
  } catch (error) {
    problem.textContent = `The harness does not answer (${error.message}): its session has ended.`;
    problem.dataset.cause = "silence";
  }
  draw();
}

let tab = "";
setInterval(() => { if (shownTab() !== tab) { tab = shownTab(); draw(); } }, 100);
setInterval(refresh, EVERY_MS);
refresh();
