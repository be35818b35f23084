// The document beside the conversation: brings the cited sentence into view and gives it the focus, so that the
// keyboard goes on from there. Escape and the button close it and return the focus to where the reader was.
const opener = () => document.querySelector("#log [aria-current]");

const close = () => {
  if (!element.querySelector(".document, .error")) return;
  const back = opener();
  props.value = "";
  if (back) back.focus();
};

element.addEventListener("click", (event) => {
  if (event.target.closest("[data-close]")) close();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") close();
});

watch("value", () => {
  const mark = element.querySelector("#cited");
  if (!mark) return;
  mark.scrollIntoView({ block: "center" });
  mark.focus({ preventScroll: true });
});
