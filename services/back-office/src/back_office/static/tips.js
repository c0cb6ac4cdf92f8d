// Explanations behind badges and times: placed beside what they explain, on hover, focus and touch;
// Escape takes them away until the pointer or the focus comes back.

export function tips(document) {
  for (const name of ["pointerover", "focusin"]) {
    document.addEventListener(name, (event) => {
      const owner = event.target.closest?.(".tipped");
      if (!owner) return;
      owner.classList.remove("hushed");
      place(owner, owner.querySelector(".tip"));
    });
  }
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const owner of document.querySelectorAll(".tipped:hover, .tipped:focus")) owner.classList.add("hushed");
  });
  document.addEventListener("scroll", () => {
    for (const owner of document.querySelectorAll(".tipped:hover, .tipped:focus")) place(owner, owner.querySelector(".tip"));
  }, { passive: true, capture: true });
}

function place(owner, tip) {
  if (!tip) return;
  const at = owner.getBoundingClientRect();
  tip.style.left = tip.style.top = "0px";
  const size = tip.getBoundingClientRect();
  const left = Math.min(Math.max(8, at.left), document.documentElement.clientWidth - size.width - 8);
  const below = at.bottom + 4 + size.height < window.innerHeight;
  tip.style.left = `${Math.max(8, left)}px`;
  tip.style.top = `${below ? at.bottom + 4 : Math.max(8, at.top - size.height - 4)}px`;
}
