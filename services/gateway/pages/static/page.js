// What a page can't do without it: the reader's zone, copying, the keyboard, and live updates by one connection per browser.

// The server writes times in the zone that this cookie states.
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (zone && !document.cookie.includes(`pingcrm_zone=${encodeURIComponent(zone)}`)) {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `pingcrm_zone=${encodeURIComponent(zone)}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
}

let hiding;
function showMessage(text) {
  const message = document.querySelector("#message");
  message.textContent = text;
  message.hidden = false;
  clearTimeout(hiding);
  hiding = setTimeout(() => { message.hidden = true; }, 4000);
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    showMessage("Copied.");
  } catch {
    showMessage("The browser does not let this page copy: select the text and copy it.");
  }
}

document.addEventListener("click", (event) => {
  const copying = event.target.closest("[data-copy]");
  if (copying) copy(copying.dataset.copy);
  if (event.target.closest("[data-shortcuts]")) document.querySelector("#shortcuts").showModal();
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
});

// Keyboard: single keys outside of fields; two keys to go somewhere.
let leading = "";
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = event.target.matches("input, textarea, select, [contenteditable]");
  if (event.key === "Escape") return leave(event, typing);
  if (typing) return;
  const keys = leading ? `${leading} ${event.key}` : event.key;
  leading = keys === "g" ? "g" : "";
  if (leading) { setTimeout(() => { leading = ""; }, 1500); return; }
  const wanted = `[data-key="${CSS.escape(keys)}"]`; // the page's own place before that of the frame
  const place = document.querySelector(`main ${wanted}`) ?? document.querySelector(wanted);
  if (place) { event.preventDefault(); use(place); }
  else if (keys === "?") document.querySelector("#shortcuts").showModal();
  else if (keys === "j" || keys === "k") move(keys === "j" ? 1 : -1);
});

function use(place) {
  if (place.matches("input, textarea")) return place.focus();
  if (!place.matches("summary")) return place.click();
  place.parentElement.open = true;
  place.parentElement.querySelector("textarea, input")?.focus();
}

function move(by) {
  const rows = [...document.querySelectorAll("[data-list] > li")].map((row) => row.querySelector("a")).filter(Boolean);
  const here = rows.findIndex((row) => row === document.activeElement || row.closest("li").contains(document.activeElement));
  rows[Math.max(0, Math.min(rows.length - 1, here + by))]?.focus();
}

// Esc closes what is on top: a dialog does so by itself; then an open menu, the form or part that one is in, the field.
function leave(event, typing) {
  if (document.querySelector("dialog[open]")) return;
  const open = document.querySelector("details.menu[open]") ?? event.target.closest("details[open]");
  const form = event.target.closest("form[data-escape]");
  const cancel = form?.querySelector("[data-cancel]"); // restores what was there without leaving the page
  if (cancel) cancel.click();
  else if (form) location.assign(form.dataset.escape);
  else if (open) { open.open = false; open.querySelector("summary").focus(); }
  else if (typing) event.target.blur();
}

// Live updates: one tab of the browser has the stream, and passes on what comes to the others.
// Each tab knows its position: where the server made its page, later that of the last update. What came in between, while a page was on
// its way or no tab had the stream, is caught up on: by the server for the tab with the stream, by that tab for the others. Where
// neither knows it there is a resync, at which the parts of a page fetch themselves anew.
const channel = navigator.locks ? new BroadcastChannel("pingcrm") : undefined; // without https there are no locks: a stream for each tab
const NAMES = { "sync.progressed": "sync-changed", "contact.changed": "contact-changed", "notification.created": "notification-created", "prep.skipped": "prep-skipped", resync: "resync" };
const PASSED_ON = 200;
const TRY_AGAIN_AFTER = 30000;
const tab = String(Math.random());
let position = document.querySelector("meta[name=pingcrm-position]").content;
let caughtUp = false; // nothing between the position and what is passed on now is missing

function apply({ name, ids }) {
  document.body.dispatchEvent(new CustomEvent(name));
  if (name === "notification-created") document.body.dispatchEvent(new CustomEvent("sync-changed"));
  for (const id of ids) document.body.dispatchEvent(new CustomEvent(`contact-${id}`));
}
function take(update) {
  apply(update);
  if (caughtUp) position = update.position;
}
function catchUp() {
  caughtUp = false;
  channel.postMessage({ asking: tab, position });
}
function receive({ data }) {
  if (data.update) take(data.update);
  if (data.connection) setConnection(data.connection);
  if (data.streaming) catchUp(); // another tab has the stream now
  if (data.asked !== tab) return;
  for (const update of data.updates) apply(update);
  position = data.position;
  caughtUp = true;
}

// A quiet line tells when what is shown may be old, and when it is fresh again.
const line = document.querySelector("#offline");
const INTERRUPTED_AFTER = 3000; // a server that restarts is back before anybody has to know
let state = "live";
let changing;
function showState(next) {
  clearTimeout(changing);
  changing = undefined;
  if (next === "live" && state !== "live") { next = "back"; changing = setTimeout(() => showState("live"), 4000); }
  else if (next === "live" && state === "live") { line.hidden = true; return; }
  state = next === "back" ? "live" : next;
  for (const text of line.querySelectorAll("[data-state]")) text.hidden = text.dataset.state !== next;
  line.hidden = false;
}
function setConnection(next) {
  if (!navigator.onLine) return showState("offline");
  if (next === "interrupted" && state === "live") { changing ??= setTimeout(() => showState(next), INTERRUPTED_AFTER); }
  else showState(next);
}
// Resolves when the stream has ended for good: somebody signed out, or a proxy answers for a server that is away.
function stream() {
  let oldest = position; // whoever is here, or at one of the updates passed on since, can be caught up
  const passedOn = [];
  const over = new AbortController();
  const events = new EventSource(`/api/v1/events?last_event_id=${encodeURIComponent(position)}`);
  const pass = (update) => {
    take(update);
    passedOn.push(update);
    if (passedOn.length > PASSED_ON) oldest = passedOn.shift().position;
    channel?.postMessage({ update });
  };
  const passConnection = (connection) => { setConnection(connection); channel?.postMessage({ connection }); };
  for (const [subject, name] of Object.entries(NAMES)) {
    events.addEventListener(subject, (event) => pass({ name, ids: JSON.parse(event.data).contact_ids ?? [], position: event.lastEventId }));
  }
  events.addEventListener("open", () => passConnection("live"));
  addEventListener("online", () => passConnection(events.readyState === EventSource.OPEN ? "live" : "interrupted"), { signal: over.signal });
  channel?.addEventListener("message", ({ data }) => {
    if (!data.asking) return;
    const known = data.position === oldest ? 0 : passedOn.findIndex((update) => update.position === data.position) + 1;
    const updates = known || data.position === oldest ? passedOn.slice(known) : [{ name: "resync", ids: [] }];
    channel.postMessage({ asked: data.asking, updates, position });
  }, { signal: over.signal });
  caughtUp = true;
  channel?.postMessage({ streaming: true });
  return new Promise((resolve) => {
    events.addEventListener("error", () => {
      if (events.readyState !== EventSource.CLOSED) return passConnection("interrupted");
      passConnection("ended");
      over.abort();
      resolve();
    });
  });
}

async function keepStreaming() {
  await (channel ? navigator.locks.request("pingcrm-live", stream) : stream());
  setTimeout(keepStreaming, TRY_AGAIN_AFTER);
}
setTimeout(() => { // after htmx: it begins to look for events by a timer, too, that was set before
  channel?.addEventListener("message", receive);
  if (channel) catchUp();
  keepStreaming();
});
addEventListener("pageshow", (event) => { if (event.persisted) apply({ name: "resync", ids: [] }); }); // back from the browser's memory

addEventListener("offline", () => showState("offline"));
if (!navigator.onLine) showState("offline");
