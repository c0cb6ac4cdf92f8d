// What a look-up found goes into the fields that are empty; the others only when a person asks for it.

export function fill(document) {
  document.addEventListener("htmx:afterSwap", (event) => {
    const answer = event.detail.target?.querySelector?.("[data-fill]");
    const form = answer?.closest("form");
    if (!form) return;
    const found = Object.entries(JSON.parse(answer.dataset.fill));
    const filled = put(form, found.filter(([name]) => isEmpty(form, name)));
    tell(answer, filled);
    const rest = found.filter(([name, value]) => form.elements[name] && form.elements[name].value !== value);
    const all = answer.querySelector("[data-fill-all]");
    if (!all || !rest.length) return;
    all.hidden = false;
    all.addEventListener("click", () => { tell(answer, put(form, rest)); all.hidden = true; });
  });
}

// The number itself is tidied; what is chosen from a list on a new card is only a default.
function isEmpty(form, name) {
  const field = form.elements[name];
  if (!field) return false;
  if (field.tagName === "SELECT") return "new" in form.dataset;
  return name === "vat_number" || !field.value.trim();
}

function put(form, values) {
  let count = 0;
  for (const [name, value] of values) {
    const field = form.elements[name];
    if (!field || field.value === value) continue;
    if (field.tagName === "SELECT" && ![...field.options].some((option) => option.value === value)) field.add(new Option(value, value));
    field.value = value;
    field.dispatchEvent(new Event("input", { bubbles: true }));
    if (name !== "vat_number") count += 1;
  }
  return count;
}

function tell(answer, count) {
  const words = answer.querySelector("[data-filled]");
  if (!words) return;
  words.hidden = false;
  words.textContent = count === 0 ? words.dataset.none : count === 1 ? words.dataset.one : words.dataset.many.replace("{count}", count);
}
