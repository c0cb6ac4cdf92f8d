// "More options": open or closed as this person left it last, on this machine; errors inside keep it open.

export function disclosure(document) {
  for (const details of document.querySelectorAll("details[data-remember]")) {
    const name = `klokwerk:${details.dataset.remember}`;
    if (!("keepOpen" in details.dataset) && read(name) === "open") details.open = true;
    details.addEventListener("toggle", () => write(name, details.open ? "open" : "closed"));
  }
}

// A browser may keep nothing (private windows); then it is simply closed each time.
function read(name) {
  try { return window.localStorage.getItem(name); } catch { return null; }
}

function write(name, value) {
  try { window.localStorage.setItem(name, value); } catch { /* nothing to remember it in */ }
}
