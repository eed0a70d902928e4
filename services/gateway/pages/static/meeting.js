// The meeting's page: look at the brief, or send it now.

import { call, say } from "./page.js";

const meeting = document.querySelector("[data-meeting]");
const preview = meeting.querySelector(".preview");

function onClick(selector, work) {
  const button = meeting.querySelector(selector);
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      await work(`/meetings/${meeting.dataset.meeting}/prep`);
    } catch (error) {
      say(error.message);
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
  say("Sent. It is in your inbox.");
});
