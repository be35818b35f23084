// What the server hands over: text to copy, or to save in a file, as base64 so that no character is changed.
const copy = async (text) => {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Where a page may not write there, as over plain http from another machine.
    const box = document.createElement("textarea");
    box.value = text;
    box.style.position = "fixed";
    document.body.append(box);
    box.select();
    const copied = document.execCommand("copy");
    box.remove();
    if (!copied) throw new Error("not copied");
  }
};

const save = (text, name) => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/octet-stream" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
};

watch("value", async () => {
  const said = element.querySelector("[data-handed]");
  if (!said) return;
  const bytes = Uint8Array.from(atob(said.dataset.text), (letter) => letter.charCodeAt(0));
  const text = new TextDecoder().decode(bytes);
  try {
    if (said.dataset.name) save(text, said.dataset.name);
    else await copy(text);
  } catch {
    said.textContent = "This browser did not allow it";
  }
  said.classList.remove("gone");
  setTimeout(() => said.classList.add("gone"), 3000);
});
