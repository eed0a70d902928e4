// What every page needs: calling the API, showing what happened, times in the reader's zone and words.

const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const UNITS = [["day", 86400], ["hour", 3600], ["minute", 60]];

function ago(then) {
  const seconds = (then - Date.now()) / 1000;
  for (const [unit, size] of UNITS) {
    if (Math.abs(seconds) >= size) return relative.format(Math.trunc(seconds / size), unit);
  }
  return "just now";
}

export function showTimes() {
  for (const time of document.querySelectorAll("time")) {
    const then = new Date(time.dateTime);
    const exact = then.toLocaleString(undefined, { dateStyle: "full", timeStyle: "short" });
    time.textContent = "exact" in time.dataset ? exact : ago(then);
    time.title = exact;
  }
}

let hiding;
export function showMessage(text) {
  const message = document.querySelector("#message");
  message.textContent = text;
  message.hidden = false;
  clearTimeout(hiding);
  hiding = setTimeout(() => { message.hidden = true; }, 6000);
}

// The API's response, or an Error with its sentence.
export async function call(method, path, body) {
  const options = { method };
  if (body !== undefined) {
    options.headers = { "Content-Type": "application/json" };
    options.body = JSON.stringify(body);
  }
  const response = await fetch(`/api/v1${path}`, options);
  if (response.status === 401) location.assign("/login");
  const reply = await response.json();
  if (!response.ok) throw new Error(reply.errors?.map((error) => error.detail).join(" ") || reply.detail);
  return reply;
}

showTimes();
setInterval(showTimes, 30000);
