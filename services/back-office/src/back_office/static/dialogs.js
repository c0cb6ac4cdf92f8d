// Dialogs: opened by their button, closed by Escape, by their close button or by choosing; the focus goes back.

export function dialogs(document) {
  document.addEventListener("click", (event) => {
    const opener = event.target.closest?.("[data-opens]");
    if (opener) {
      const dialog = document.getElementById(opener.dataset.opens);
      dialog.showModal();
      dialog.querySelector("input[type=search]")?.focus();
      return;
    }
    const closer = event.target.closest?.("[data-closes]");
    if (closer) closer.closest("dialog").close();
    // A click on the backdrop is a click on the dialog itself, outside of what is in it.
    if (event.target.matches?.("dialog[open]")) event.target.close();
  });
}
