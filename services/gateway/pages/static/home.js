// Brings the home page to life: progress and notifications as they happen, Sync now, mark as read.

import { call, showMessage, showTimes } from "./page.js";

const live = document.querySelector("#live");
const number = new Intl.NumberFormat("en");

// The server renders the page; a fresh copy of it replaces what is shown. Several changes in a row become one request.
let waiting;
function refreshSoon(delay = 400) {
  clearTimeout(waiting);
  waiting = setTimeout(refresh, delay);
}

async function refresh() {
  try {
    const response = await fetch("/", { headers: { Accept: "text/html" } });
    if (response.redirected) return location.assign(response.url);
    if (!response.ok) return refreshSoon(5000);
    const fresh = new DOMParser().parseFromString(await response.text(), "text/html").querySelector("#live");
    const focused = document.activeElement?.dataset.sync;
    live.replaceChildren(...fresh.childNodes);
    if (focused) live.querySelector(`[data-sync="${focused}"]`)?.focus();
    showTimes();
  } catch {
    refreshSoon(5000); // not reachable right now
  }
}

live.addEventListener("click", async (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  const { sync, read, accept, dismiss } = button.dataset;
  button.disabled = true;
  try {
    if (sync) {
      await call("POST", `/accounts/${sync}/sync`, {});
      showMessage("Syncing now.");
    } else if (accept) {
      await call("POST", `/notifications/${accept}/accept`);
      showMessage("Added to your addresses. Its mail is being logged.");
    } else if (dismiss) {
      await call("POST", `/notifications/${dismiss}/dismiss`);
    } else if (read) {
      await call("POST", `/notifications/${read}/read`);
    } else if ("readAll" in button.dataset) {
      await call("POST", "/notifications/read-all");
    }
  } catch (error) {
    showMessage(error.message);
  }
  button.disabled = false;
  refreshSoon();
});

function left(seconds) {
  if (seconds == null) return "";
  if (seconds < 90) return `, about ${Math.max(1, Math.round(seconds))} s left`;
  return `, about ${Math.round(seconds / 60)} min left`;
}

function showProgress({ account_id, kind, done, total, eta_seconds }) {
  const line = live.querySelector(`[data-account="${account_id}"] [data-kind="${kind}"]`);
  if (!line) return refreshSoon();
  if (total && done >= total) refreshSoon(1000);
  line.className = "busy";
  line.querySelector("time")?.remove();
  line.querySelector(".state").textContent =
    total ? `${number.format(done)} of ${number.format(total)}${left(eta_seconds)}` : "starting";
  const bar = line.querySelector("progress");
  bar.max = total || 1;
  bar.value = done;
  bar.hidden = false;
}

const events = new EventSource("/api/v1/events");
let connected = false;
events.addEventListener("open", () => {
  if (connected) refreshSoon(); // nothing is replayed after a break
  connected = true;
});
events.addEventListener("sync.progressed", (event) => showProgress(JSON.parse(event.data)));
events.addEventListener("notification.created", () => refreshSoon());
events.addEventListener("contact.changed", () => refreshSoon(2000));
events.addEventListener("resync", () => refreshSoon());
