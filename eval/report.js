// Lists the questions of what was clicked. All text goes in by textContent; nothing is loaded.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const heading = document.getElementById("list-heading");
  const note = document.getElementById("list-note");
  const list = document.getElementById("list-items");
  const pages = document.getElementById("list-pages");
  const back = document.getElementById("back");
  const PAGE = 50;
  let cameFrom = null;

  const make = (tag, text, className) => {
    const element = document.createElement(tag);
    if (text !== undefined) element.textContent = text;
    if (className) element.className = className;
    return element;
  };

  const item = (number) => {
    const row = data.rows[number];
    const element = make("li");
    element.append(make("p", row.asked || row.id, "asked"));
    const state = make("p", undefined, "soft");
    state.append(make("strong", row.right ? "Right" : "Falls short", row.right ? "better" : "worse"));
    state.append(" · " + row.about);
    element.append(state);
    const facts = make("dl");
    for (const [term, text] of row.facts) {
      const value = make("dd", text);
      value.dir = "auto";
      facts.append(make("dt", term), value);
    }
    element.append(facts);
    return element;
  };

  const show = (key, words, first) => {
    const numbers = data.lists[key] || [];
    heading.textContent = words;
    const end = Math.min(first + PAGE, numbers.length);
    note.textContent = numbers.length ? `${first + 1} to ${end} of ${numbers.length}, those that fall short first` : "None.";
    list.replaceChildren(...numbers.slice(first, end).map(item));
    pages.replaceChildren();
    if (numbers.length > PAGE) {
      for (const [name, to, possible] of [["Previous", first - PAGE, first > 0], ["Next", first + PAGE, end < numbers.length]]) {
        const button = make("button", name, "plain");
        button.type = "button";
        button.disabled = !possible;
        button.addEventListener("click", () => show(key, words, to));
        pages.append(button);
      }
    }
    document.getElementById("list").scrollTop = 0;
  };

  const chosen = (element) => {
    cameFrom = element;
    show(element.dataset.list, element.dataset.words, 0);
    back.hidden = false;
    heading.focus({ preventScroll: false });
  };

  for (const element of document.querySelectorAll("[data-list]")) {
    element.addEventListener("click", () => chosen(element));
    if (element.tagName === "g") {
      element.addEventListener("keydown", (event) => {
        if (event.key === "Enter" || event.key === " ") {
          event.preventDefault();
          chosen(element);
        }
      });
    }
  }
  for (const row of document.querySelectorAll("tr.clickable")) {
    row.addEventListener("click", (event) => {
      if (!event.target.closest("button")) row.querySelector("button").click();
    });
  }
  back.addEventListener("click", () => cameFrom && cameFrom.focus());
})();
