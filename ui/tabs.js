// What the Library and the Evaluation tab send: runs once for each element that holds their HTML; `trigger` is Gradio's.
// Its events, named here because Gradio looks for the names: "add_files" "sync_folder" "cancel_work" "find_documents"
// "turn_page" "remove_document" "use_filter" "use_all" "run_set" "run_file" "show_questions" "show_models".
// Ids and numbers go back, and what somebody typed; the server checks them.
const search = () => document.querySelector("#find")?.value ?? "";
const number = (text) => (text === undefined ? undefined : Number(text));

element.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button || button.type === "submit" || !element.contains(button)) return;
  const around = button.closest(".remove");
  if (button.matches("[data-confirm], [data-keep]")) {
    const asks = button.matches("[data-confirm]");
    around.querySelector("[data-confirm]").hidden = asks;
    around.querySelector(".confirm").hidden = !asks;
    around.querySelector(asks ? "[data-keep]" : "[data-confirm]").focus();
  } else if (button.dataset.event) {
    const { event: name, doc, offset, failures } = button.dataset;
    trigger(name, { doc, offset: number(offset), failures: number(failures), contains: search() });
  }
});

element.addEventListener("submit", (event) => {
  event.preventDefault();
  const form = event.target;
  const data = new FormData(form);
  const typed = (name) => (data.get(name) ?? "").trim();
  const sent = {
    sync_folder: () => ({ folder: typed("folder"), prune: data.has("prune") }),
    use_filter: () => ({ sources: data.getAll("source"), since: typed("since"), until: typed("until") }),
    run_set: () => ({ set: Number(data.get("set")) }),
    run_file: () => ({ named: typed("path") }), // a "path" Gradio would take for a file of its own
  };
  trigger(form.dataset.event, sent[form.dataset.event]());
});

// A fold that is filled when it is first opened; "toggle" does not bubble.
element.addEventListener("toggle", ({ target }) => {
  if (target.open && target.dataset.event) trigger(target.dataset.event);
}, true);

let typing;
element.addEventListener("input", (event) => {
  if (event.target.dataset.event !== "find_documents") return;
  clearTimeout(typing);
  typing = setTimeout(() => trigger("find_documents", { contains: search(), offset: 0 }), 200);
});

// One file's way to the server: a line with its progress, and a button that stops it.
const send = (file, to, line) =>
  new Promise((done) => {
    const request = new XMLHttpRequest();
    const bar = Object.assign(document.createElement("progress"), { max: 1, value: 0 });
    const stop = Object.assign(document.createElement("button"), { type: "button", textContent: "Cancel" });
    const name = Object.assign(document.createElement("span"), { className: "name", dir: "auto" });
    name.textContent = file.name;
    bar.setAttribute("aria-label", `Sending ${file.name}`);
    stop.setAttribute("aria-label", `Cancel ${file.name}`);
    line.replaceChildren(name, bar, stop);
    const failed = (why) => {
      const words = Object.assign(document.createElement("span"), { className: "why", textContent: why });
      line.dataset.outcome = "failed";
      line.replaceChildren(name, words);
      done(null);
    };
    stop.addEventListener("click", () => request.abort());
    request.upload.addEventListener("progress", (step) => (bar.value = step.total ? step.loaded / step.total : 0));
    request.addEventListener("abort", () => failed("cancelled"));
    request.addEventListener("error", () => failed("the connection broke off; try again"));
    request.addEventListener("load", () => {
      let answer = {};
      try { answer = JSON.parse(request.responseText); } catch { /* a line of text, such as "request too large" */ }
      if (answer.id) done(answer.id);
      else failed(answer.detail ?? (request.status === 413 ? "the file is too large; split it" : request.responseText));
    });
    request.open("POST", `${to}?name=${encodeURIComponent(file.name.toWellFormed?.() ?? file.name)}`);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.send(file);
  });

const addFiles = async (chosen) => {
  const list = element.querySelector(".uploads");
  const lines = chosen.map((file) => {
    const line = document.createElement("li");
    line.textContent = file.name;
    list.append(line);
    return line;
  });
  const ids = [];
  for (const [at, file] of chosen.entries()) {
    const id = await send(file, "uploads/documents", lines[at]);
    if (id === null) continue;
    ids.push(id);
    lines[at].remove();
  }
  if (ids.length) trigger("add_files", { files: ids });
};

const runQuestions = async ([file]) => {
  const line = element.querySelector(".sending");
  const id = await send(file, "uploads/questions", line);
  if (id === null) return;
  line.replaceChildren();
  trigger("run_set", { questions: id });
};

const input = element.querySelector('input[type="file"]');
if (input) {
  const label = input.closest("label");
  const take = label.matches(".drop") ? addFiles : runQuestions;
  input.addEventListener("change", () => {
    const chosen = [...input.files];
    input.value = "";
    if (chosen.length) take(chosen);
  });
  for (const name of ["dragenter", "dragover"]) {
    label.addEventListener(name, (event) => { event.preventDefault(); label.classList.add("over"); });
  }
  for (const name of ["dragleave", "drop"]) label.addEventListener(name, () => label.classList.remove("over"));
  label.addEventListener("drop", (event) => {
    event.preventDefault();
    const chosen = [...event.dataTransfer.files];
    if (chosen.length) take(chosen);
  });
}
