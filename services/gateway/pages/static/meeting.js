// The meeting's page: look at the brief, or send it now; what becomes of it shows as it happens.

import { call, showMessage, showTimes } from "./page.js";

const meeting = document.querySelector("[data-meeting]");
const preview = meeting.querySelector(".preview");

function onClick(selector, work) {
  const button = meeting.querySelector(selector);
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      await work(`/meetings/${meeting.dataset.meeting}/prep`);
    } catch (error) {
      showMessage(error.message);
    }
    button.disabled = false;
  });
}

onClick("[data-preview]", async (path) => {
  const brief = await call("GET", path);
  preview.textContent = `${brief.subject}\n\n${brief.text}`;
  preview.hidden = false;
  preview.focus();
});

onClick("[data-send]", async (path) => {
  await call("POST", path);
  showMessage("Sent. It is in your inbox.");
});

// The server has the words: they are taken from a fresh copy of the page.
async function refreshBrief() {
  const response = await fetch(location.pathname, { headers: { Accept: "text/html" } });
  if (response.redirected) return location.assign(response.url);
  if (!response.ok) return;
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  meeting.querySelector("[data-brief]").replaceWith(page.querySelector("[data-brief]"));
  showTimes();
}

const events = new EventSource("/api/v1/events");
let connected = false;
events.addEventListener("open", () => {
  if (connected) refreshBrief(); // nothing is replayed after a break
  connected = true;
});
events.addEventListener("resync", () => refreshBrief());
events.addEventListener("prep.skipped", (event) => {
  if (JSON.parse(event.data).meeting_id === meeting.dataset.meeting) refreshBrief();
});
events.addEventListener("notification.created", (event) => {
  if (JSON.parse(event.data).link === location.pathname) refreshBrief();
});
