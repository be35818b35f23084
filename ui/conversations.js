// The list of conversations: go back to one, rename it where it stands, delete it at the second click.
const close = () => {
  element.classList.remove("shown");
  element.querySelector("[data-toggle]").setAttribute("aria-expanded", "false");
};

const rename = (button, opener) => {
  const box = document.createElement("input");
  box.className = "renaming";
  box.maxLength = 120;
  box.value = opener.textContent;
  box.setAttribute("aria-label", "New name of the conversation");
  let done = false;
  const finish = (keep) => {
    if (done) return;
    done = true;
    const title = box.value.trim();
    if (!box.isConnected) return; // the list was renewed meanwhile
    box.replaceWith(opener);
    if (keep && title && title !== opener.textContent) {
      trigger("rename", { conversation: Number(button.dataset.conversation), title });
    }
    button.focus();
  };
  box.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key !== "Enter" && event.key !== "Escape") return;
    event.preventDefault(); // it would press the button that has the focus next
    finish(event.key === "Enter");
  });
  box.addEventListener("blur", () => setTimeout(() => finish(true)));
  opener.replaceWith(box);
  box.focus();
  box.select();
};

const remove = (button) => {
  if (button.dataset.sure) {
    trigger("remove", { conversation: Number(button.dataset.conversation) });
    return;
  }
  button.dataset.sure = "yes";
  button.textContent = "Delete for good?";
  const calm = () => { delete button.dataset.sure; button.textContent = "Delete"; };
  button.addEventListener("blur", calm, { once: true });
  setTimeout(calm, 5000);
};

element.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  const { toggle, new: fresh, rename: renames, delete: deletes, hand, conversation } = button.dataset;
  if (toggle !== undefined) {
    button.setAttribute("aria-expanded", String(element.classList.toggle("shown")));
  } else if (fresh !== undefined) {
    close();
    trigger("begin", {});
  } else if (renames !== undefined) {
    const opener = button.parentElement.querySelector(".open");
    if (opener) rename(button, opener);
  } else if (deletes !== undefined) {
    remove(button);
  } else if (hand !== undefined) {
    trigger("hand_over", { hand: Number(hand) });
  } else if (conversation !== undefined) {
    close();
    trigger("go_back", { conversation: Number(conversation) });
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && element.classList.contains("shown")) {
    close();
    element.querySelector("[data-toggle]").focus();
  }
});
let stands = props.value;
watch("value", () => {
  const toggle = element.querySelector("[data-toggle]");
  if (!toggle) { // nothing at all: as in chat.js
    props.value = stands;
    return;
  }
  stands = props.value;
  toggle.setAttribute("aria-expanded", String(element.classList.contains("shown")));
});
