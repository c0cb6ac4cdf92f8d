// Selecting rows: single, Shift for a range from the row clicked last, the header box for the page.
// The range follows the order on the screen, so it is taken from the document, not from ids.

const boxesOf = (table) => [...table.querySelectorAll('tbody input[name="ids"]')];
let anchor = null;
let range = false;

export function select(document) {
  // Chromium reports Shift on the click, not on the change that follows it.
  document.addEventListener("click", (event) => {
    const box = event.target.closest?.('tbody input[name="ids"]');
    const cell = event.target.closest?.("td.pick");
    if (!box && cell && event.target === cell) return cell.querySelector("input").click();
    if (!box) return;
    const table = box.closest("table");
    range = event.shiftKey && anchor !== null && anchor !== box && table.contains(anchor);
    if (range) mark(table, anchor, box);
    anchor = box;
    refresh(document, table.dataset.table);
  });
  // Shift and click would select the text in between as well.
  document.addEventListener("mousedown", (event) => {
    if (event.shiftKey && event.target.closest?.("td.pick")) event.preventDefault();
  });
  document.addEventListener("change", (event) => {
    const all = event.target.closest?.("[data-pick-all]");
    if (all) {
      for (const box of boxesOf(all.closest("table"))) box.checked = all.checked;
      refresh(document, all.dataset.pickAll);
    }
  });
  document.addEventListener("htmx:afterSettle", () => refreshAll(document));
  document.addEventListener("submit", (event) => {
    const button = event.submitter;
    const question = button?.dataset.confirm;
    if (question && !window.confirm(button.dataset.confirm)) event.preventDefault();
  });
  window.addEventListener("pageshow", () => refreshAll(document));
  refreshAll(document);
}

function mark(table, from, to) {
  const boxes = boxesOf(table);
  const [first, last] = [boxes.indexOf(from), boxes.indexOf(to)].sort((a, b) => a - b);
  for (const box of boxes.slice(first, last + 1)) box.checked = to.checked;
}

function refreshAll(document) {
  for (const form of document.querySelectorAll("[data-bulk]")) refresh(document, form.dataset.bulk);
}

function refresh(document, name) {
  const table = document.querySelector(`table[data-table="${CSS.escape(name)}"]`);
  const bar = document.querySelector(`[data-bulk="${CSS.escape(name)}"]`);
  if (!bar) return;
  const boxes = table ? boxesOf(table) : [];
  const count = boxes.filter((box) => box.checked).length;
  for (const box of boxes) box.closest("tr").classList.toggle("picked", box.checked);
  const all = table?.querySelector("[data-pick-all]");
  if (all) {
    all.checked = count > 0 && count === boxes.length;
    all.indeterminate = count > 0 && count < boxes.length;
  }
  bar.classList.toggle("active", count > 0);
  const words = bar.querySelector("[data-selected]");
  words.textContent = count === 0 ? words.dataset.none
    : count === 1 ? words.dataset.one : words.dataset.many.replace("{count}", count);
  for (const button of bar.querySelectorAll("button[data-some]")) {
    button.textContent = count ? button.dataset.some.replace("{count}", count) : button.dataset.none;
    button.disabled = "needsSelection" in button.dataset && count === 0;
  }
}
