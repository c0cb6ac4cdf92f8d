// Keys: "/" goes to the search box, Escape leaves it, Ctrl+S saves the form,
// arrows up and down walk through the check boxes of a table.

const typing = (element) => element.matches?.("input:not([type=checkbox]), textarea, select, [contenteditable]");

export function keys(document) {
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !typing(event.target) && !event.ctrlKey && !event.metaKey && !event.altKey) {
      const search = document.querySelector("[data-search]");
      if (search) {
        event.preventDefault();
        search.focus();
        search.select();
      }
    } else if (event.key === "Escape" && event.target.matches?.("[data-search]")) {
      event.target.blur();
    } else if (event.key.toLowerCase() === "s" && (event.ctrlKey || event.metaKey)) {
      const save = document.querySelector("[data-save]");
      if (save) {
        event.preventDefault();
        save.form.requestSubmit(save);
      }
    } else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && event.target.matches?.('input[name="ids"]')) {
      const boxes = [...event.target.closest("table").querySelectorAll('input[name="ids"]')];
      const next = boxes[boxes.indexOf(event.target) + (event.key === "ArrowDown" ? 1 : -1)];
      if (next) {
        event.preventDefault();
        next.focus();
      }
    }
  });
}
