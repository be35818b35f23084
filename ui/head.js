// The head of the page: a new library's name goes to the server, and its page is opened; Escape closes the list.
const list = () => element.querySelector("details");

element.addEventListener("submit", (event) => {
  event.preventDefault();
  trigger("make_library", { name: new FormData(event.target).get("name") });
});
element.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !list()?.open) return;
  list().open = false;
  list().querySelector("summary").focus();
});
document.addEventListener("click", (event) => {
  if (list()?.open && !element.contains(event.target)) list().open = false;
});

watch("value", () => {
  const next = element.querySelector("[data-go]");
  // A moment later: to leave while the event that brought it is still ending is an error to Gradio.
  if (next) setTimeout(() => location.assign(next.dataset.go), 100);
});
