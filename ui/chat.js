// The conversation. Runs once for the element that holds it; `trigger` and `watch` are Gradio's.
// Buttons carry numbers only; the server finds the document and the offsets.
const number = (text) => (text === undefined ? null : Number(text));

element.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button || !element.contains(button)) return;
  const { example, next, again, hand, verdict, comment, turn, citation, hit } = button.dataset;
  if (example !== undefined || next !== undefined || again !== undefined) {
    trigger("example_select", {
      example: number(example), turn: number(turn), next: number(next), again: number(again),
    });
  } else if (hand !== undefined) {
    trigger("hand_over", { turn: number(turn), hand: number(hand) });
  } else if (verdict !== undefined) {
    const pressed = button.getAttribute("aria-pressed") === "true";
    trigger("judge", { turn: number(turn), verdict: pressed ? 0 : number(verdict) });
  } else if (comment !== undefined) {
    const text = button.parentElement.querySelector("textarea").value;
    trigger("judge", { turn: number(turn), verdict: number(comment), comment: text });
  } else if (turn !== undefined) {
    element.querySelectorAll("[aria-current]").forEach((other) => other.removeAttribute("aria-current"));
    button.setAttribute("aria-current", "true");
    trigger("select", { turn: number(turn), citation: number(citation), hit: number(hit) });
  }
});

// The quote over a number goes away on Escape, and stays away until the number is left.
const tips = () => element.querySelectorAll(".ref.quiet");
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  element.querySelectorAll(".ref:is(:hover, :focus-within)").forEach((ref) => ref.classList.add("quiet"));
});
const speak = () => tips().forEach((ref) => ref.classList.remove("quiet"));
element.addEventListener("pointerover", speak);
element.addEventListener("focusin", speak);

// Folds stay as the reader left them when the conversation grows, and the address says which one it is.
const open = new Set();
const place = (fold) => {
  const turn = fold.closest(".turn");
  const kind = [...turn.querySelectorAll("details")].indexOf(fold);
  return `${element.firstElementChild.dataset.conversation}/${[...turn.parentElement.children].indexOf(turn)}/${kind}`;
};
element.addEventListener("click", (event) => {
  const fold = event.target.closest("summary")?.parentElement;
  if (!fold) return;
  if (fold.open) open.delete(place(fold));
  else open.add(place(fold));
});

// What has the focus keeps it when the conversation is shown anew, as when suggestions come behind an answer.
const stops = () => [...element.querySelectorAll("a[href], button, summary, [tabindex]")];
let held = -1;
element.addEventListener("focusin", (event) => { held = stops().indexOf(event.target); });
document.addEventListener("focusin", (event) => { if (!element.contains(event.target)) held = -1; });
document.addEventListener("pointerdown", () => { held = -1; });

// A new turn is brought to the top of the window once when it is answered, so that the answer is read from its
// beginning; a line that says what is wrong is brought into view.
const behavior = matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth";
let shown = 0;
let conversation = "0";
let stands = props.value;
if (location.hash.length > 1) element.classList.add("restoring");
watch("value", () => {
  // Gradio sends nothing at all where an event was cut off at a bad moment (seen once on a busy machine); and other
  // examples, when an answer came while they were on their way, would take its place.
  if (!element.firstElementChild || (shown && element.querySelector("[data-renewed]"))) {
    props.value = stands;
    return;
  }
  stands = props.value;
  element.classList.remove("restoring");
  element.querySelectorAll("details").forEach((fold) => { if (open.has(place(fold))) fold.open = true; });
  if (held >= 0 && document.activeElement === document.body) stops()[held]?.focus({ preventScroll: true });
  const now = element.firstElementChild.dataset.conversation;
  const turns = element.querySelectorAll(".turn");
  const problem = element.querySelector(".error");
  if (problem) problem.scrollIntoView({ block: "center", behavior });
  else if (turns.length > Math.max(shown, 1)) turns[turns.length - 1].scrollIntoView({ block: "start", behavior });
  shown = turns.length;
  if (now !== conversation) {
    conversation = now;
    history.replaceState(null, "", now === "0" ? location.pathname : `#${now}`);
  }
});

// Where a keyboard is at hand it can be used at once; on a telephone this would open the one on the screen.
if (matchMedia("(pointer: fine)").matches) {
  const ready = setInterval(() => {
    const box = document.querySelector("#ask textarea");
    if (!box || box.disabled) return;
    clearInterval(ready);
    if (document.activeElement === document.body) box.focus({ preventScroll: true });
  }, 50);
}
