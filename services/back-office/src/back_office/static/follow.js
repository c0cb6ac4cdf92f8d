// Links that take what a list shows, such as its export, follow its filter when the list was renewed by a search.

export function follow(document) {
  document.addEventListener("htmx:afterSettle", () => {
    for (const link of document.querySelectorAll("a[data-follows]")) {
      const list = document.getElementById(link.dataset.follows);
      if (!list) continue;
      const address = new URL(link.href);
      const controls = document.querySelectorAll("form.tools input:not([type=hidden]), form.tools select");
      for (const control of controls) address.searchParams.delete(control.name);
      for (const [name, value] of new URLSearchParams(list.dataset.filter)) address.searchParams.set(name, value);
      link.href = address.pathname + address.search;
    }
  });
}
