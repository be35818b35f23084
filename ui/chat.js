// The conversation. Runs once for the element that holds it; `trigger` and `watch` are Gradio's.
// Buttons carry numbers only; the server finds the document and the offsets.
const number = (text) => (text === undefined ? null : Number(text));

element.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button || !element.contains(button)) return;
  const { example, turn, citation, hit } = button.dataset;
  if (example !== undefined) {
    trigger("example_select", { example: number(example) });
  } else if (turn !== undefined) {
    element.querySelectorAll("[aria-current]").forEach((other) => other.removeAttribute("aria-current"));
    button.setAttribute("aria-current", "true");
    trigger("select", { turn: number(turn), citation: number(citation), hit: number(hit) });
  }
});

// A new turn is brought to the top of the window, once when it is asked and once when it is answered, so that the
// answer is read from its beginning; a line that says what is wrong is brought into view.
const behavior = matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth";
let shown = 0;
let searching = false;
watch("value", () => {
  const turns = element.querySelectorAll(".turn");
  const last = turns[turns.length - 1];
  const problem = element.querySelector(".error");
  if (problem) problem.scrollIntoView({ block: "center", behavior });
  else if (last && (turns.length > shown || searching)) last.scrollIntoView({ block: "start", behavior });
  searching = Boolean(element.querySelector(".searching"));
  shown = turns.length;
});

// Where a keyboard is at hand it can be used at once; on a telephone this would open the one on the screen.
if (matchMedia("(pointer: fine)").matches) {
  const ready = setInterval(() => {
    const box = document.querySelector("#ask textarea");
    if (!box) return;
    clearInterval(ready);
    if (document.activeElement === document.body) box.focus({ preventScroll: true });
  }, 50);
}
