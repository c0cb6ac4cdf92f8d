// Parts that renew themselves: not while nobody looks, and told to screen readers when a person asked for it.

export function live(document) {
  const words = document.getElementById("announcements");
  document.addEventListener("htmx:beforeRequest", (event) => {
    const element = event.detail.elt;
    if (element.closest?.("tr.more")) element.closest(".list").dataset.extended = "yes";
    const named = [...document.querySelectorAll(".saved input[name=name]")].some((input) => input.value);
    const busy = document.hidden || document.querySelector(".tipped:focus, .saved :focus") || named || element.dataset.extended;
    if (element.matches?.("[data-poll]") && busy) event.preventDefault();
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    if (!words || event.detail.elt.matches?.("[data-poll]")) return;
    if (event.detail.successful) {
      words.textContent = event.detail.elt.closest?.("tr.more") ? words.dataset.more : words.dataset.updated;
    } else {
      words.textContent = words.dataset.trouble;
    }
  });
  // Somebody signed out elsewhere, or the session ended: go and sign in instead of showing half a page.
  document.addEventListener("htmx:beforeOnLoad", (event) => {
    if (event.detail.xhr.status === 401) window.location.reload();
  });
}
