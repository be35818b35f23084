// Who writes the answers: the chosen name goes to the server, which knows what it has offered.
element.addEventListener("change", (event) => {
  if (event.target.matches("[data-writer]")) trigger("choose_writer", { writer: event.target.value });
});
