// Unsaved changes: marked beside the button, and asked about before the page is left.

let leaving = false;

export function guard(document) {
  for (const form of document.querySelectorAll("form[data-guard]")) {
    const before = snapshot(form);
    const mark = form.querySelector(".unsaved");
    const check = () => {
      form.dataset.changed = "dirty" in form.dataset || snapshot(form) !== before ? "yes" : "";
      if (mark) mark.hidden = !form.dataset.changed;
    };
    form.addEventListener("input", check);
    form.addEventListener("change", check);
    form.addEventListener("submit", () => { leaving = true; });
    check();
  }
  window.addEventListener("beforeunload", (event) => {
    if (!leaving && document.querySelector('form[data-guard][data-changed="yes"]')) event.preventDefault();
  });
  // A page that comes back out of the browser's memory is guarded again.
  window.addEventListener("pageshow", () => { leaving = false; });
  for (const form of document.querySelectorAll("[data-submit-on-change]")) {
    // A date that is typed changes with every key: it is sent with Enter or the button, a picked one at once.
    let typed = false;
    form.addEventListener("keydown", (event) => { typed = event.key !== "Enter"; });
    form.addEventListener("pointerdown", () => { typed = false; });
    form.addEventListener("change", () => { if (!typed && form.reportValidity()) form.requestSubmit(); });
  }
  document.querySelector("#messages .message.error, form .message.error, main > .message.error")?.focus();
  document.addEventListener("submit", (event) => {
    // A second click while the first is on its way changes nothing; the server knows the key of the form too.
    if (event.target.dataset.sent) return event.preventDefault();
    // A form that answers with a file leaves the page as it is and may be sent again.
    const file = "stays" in event.target.dataset || event.submitter?.formAction?.endsWith(".csv");
    if (event.defaultPrevented || event.target.method !== "post" || file) return;
    event.target.dataset.sent = "yes";
    window.addEventListener("pageshow", () => { delete event.target.dataset.sent; }, { once: true });
  });
}

function snapshot(form) {
  return JSON.stringify([...new FormData(form)].filter(([name]) => !name.startsWith("_")));
}
