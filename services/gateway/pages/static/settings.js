// Saves the settings. A field's name states where it goes: group.field.

import { call, showMessage } from "./page.js";

const form = document.querySelector("#settings");

function valueOf(field) {
  if (field.type === "checkbox") return field.checked;
  if (field.type === "number") return field.valueAsNumber;
  if ("lines" in field.dataset) return field.value.split("\n").map((line) => line.trim()).filter(Boolean);
  if ("nullable" in field.dataset) return field.value.trim() || null;
  return field.value.trim();
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const settings = {};
  for (const field of form.querySelectorAll("[name]")) {
    const [group, name] = field.name.split(".");
    (settings[group] ??= {})[name] = valueOf(field);
  }
  try {
    await call("PUT", "/settings", settings);
    showMessage("Saved.");
  } catch (error) {
    showMessage(error.message);
  }
});
