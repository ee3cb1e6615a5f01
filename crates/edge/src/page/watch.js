// Asks how the session is doing and reloads once it is doing something else than this page says.
const shown = document.body.dataset.shown;
const list = document.querySelector("ol");
const label = (ms) => (ms == null ? "" : ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`);
const draw = (steps) => {
  if (!list || !steps.length) return;
  list.replaceChildren(
    ...steps.map((step) => {
      const item = document.createElement("li");
      item.dataset.status = step.status;
      const name = document.createElement("span");
      name.textContent = step.detail ? `${step.label}: ${step.detail}` : step.label;
      const time = document.createElement("small");
      time.textContent = label(step.duration_ms);
      item.append(name, time);
      return item;
    }),
  );
};
let wait = 250;
const look = async () => {
  try {
    const answer = await fetch("/.vitrine/preview-status", { cache: "no-store" });
    if (!answer.ok) return location.reload();
    const now = await answer.json();
    if (now.status !== shown) return location.reload();
    draw(now.steps);
  } catch {
    // The server cannot be reached: keep asking.
  }
  wait = Math.min(wait * 1.5, 1000);
  setTimeout(look, wait);
};
setTimeout(look, wait);
