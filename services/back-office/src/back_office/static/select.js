// Selecting rows: single, Shift for a range from the row clicked last, the header box for the page, and from there
// all rows that match the filter. The range follows the order on the screen, so it is taken from the document.

const boxesOf = (table) => [...table.querySelectorAll('tbody input[name="ids"]')];
const tableOf = (document, name) => document.querySelector(`table[data-table="${CSS.escape(name)}"]`);
const barOf = (document, name) => document.querySelector(`[data-bulk="${CSS.escape(name)}"]`);
let anchor = null;
let range = false;

export function select(document) {
  // Chromium reports Shift on the click, not on the change that follows it.
  document.addEventListener("click", (event) => {
    const reach = event.target.closest?.("[data-reach-all], [data-reach-none]");
    if (reach) return take(document, reach);
    const box = event.target.closest?.('tbody input[name="ids"]');
    const cell = event.target.closest?.("td.pick");
    if (!box && cell && event.target === cell) return cell.querySelector("input").click();
    if (!box) return;
    const table = box.closest("table");
    range = event.shiftKey && anchor !== null && anchor !== box && table.contains(anchor);
    if (range) mark(table, anchor, box);
    anchor = box;
    ticked(document, table.dataset.table);
  });
  // Shift and click would select the text in between as well.
  document.addEventListener("mousedown", (event) => {
    if (event.shiftKey && event.target.closest?.("td.pick")) event.preventDefault();
  });
  document.addEventListener("change", (event) => {
    const all = event.target.closest?.("[data-pick-all]");
    if (all) {
      for (const box of boxesOf(all.closest("table"))) box.checked = all.checked;
      ticked(document, all.dataset.pickAll);
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

// All rows that match, shown or not; or nothing at all again. The focus goes on to what can be done next.
function take(document, button) {
  const bar = button.closest("[data-bulk]");
  const table = tableOf(document, bar.dataset.bulk);
  const all = "reachAll" in button.dataset;
  bar.querySelector("[data-scope]").disabled = !all;
  if (!all) for (const box of boxesOf(table)) box.checked = false;
  refresh(document, bar.dataset.bulk);
  (all ? bar.querySelector("[data-reach-none]") : table.querySelector("[data-pick-all]")).focus();
}

// A person ticked or unticked rows: from now on those are meant.
function ticked(document, name) {
  const scope = barOf(document, name)?.querySelector("[data-scope]");
  if (scope) scope.disabled = true;
  refresh(document, name);
}

function refreshAll(document) {
  for (const form of document.querySelectorAll("[data-bulk]")) refresh(document, form.dataset.bulk);
}

function refresh(document, name) {
  const table = tableOf(document, name);
  const bar = barOf(document, name);
  if (!bar) return;
  const boxes = table ? boxesOf(table) : [];
  const scope = bar.querySelector("[data-scope]");
  const matching = scope !== null && !scope.disabled;
  if (matching) for (const box of boxes) box.checked = true;
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
  if (scope) offer(bar, matching, count > 0 && count === boxes.length && table.querySelector("tr.more") !== null, count);
  for (const button of bar.querySelectorAll("button[data-some]")) {
    button.textContent = matching ? button.dataset.matching || button.dataset.none
      : count ? button.dataset.some.replace("{count}", count) : button.dataset.none;
    button.disabled = matching ? !button.dataset.matching : "needsSelection" in button.dataset && count === 0;
  }
}

// The way from the rows on the page to all that match, offered where there are more of them.
function offer(bar, matching, whole, count) {
  const words = bar.querySelector("[data-words]");
  words.textContent = words.dataset.words.replace("{count}", count);
  bar.querySelector("[data-selected]").hidden = matching || whole;
  bar.querySelector("[data-reach-offer]").hidden = matching || !whole;
  bar.querySelector("[data-reach-chosen]").hidden = !matching;
}
