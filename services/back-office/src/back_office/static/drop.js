// Dropping a file anywhere on a form that takes one: the file goes into its field and the form is sent.

export function drop(document) {
  for (const form of document.querySelectorAll("form[data-drop]")) {
    const field = form.querySelector('input[type="file"]');
    let inside = 0;
    const over = (yes) => {
      form.classList.toggle("over", yes);
      form.dataset.dropping = yes ? form.dataset.drop : "";
    };
    const holdsFiles = (event) => event.dataTransfer?.types.includes("Files");
    form.addEventListener("dragenter", (event) => { if (holdsFiles(event)) over(++inside > 0); });
    form.addEventListener("dragleave", (event) => { if (holdsFiles(event)) over(--inside > 0); });
    form.addEventListener("dragover", (event) => { if (holdsFiles(event)) event.preventDefault(); });
    form.addEventListener("drop", (event) => {
      inside = 0;
      over(false);
      if (!event.dataTransfer?.files.length) return;
      event.preventDefault();
      field.files = event.dataTransfer.files;
      field.dispatchEvent(new Event("change", { bubbles: true }));
      form.requestSubmit();
    });
  }
  // A file that misses the form must not replace the page.
  if (document.querySelector("form[data-drop]")) {
    for (const name of ["dragover", "drop"]) document.addEventListener(name, (event) => event.preventDefault());
  }
}
