// Files that come in, dropped anywhere on the page or chosen, and those that go out.

const LASTS = 10_000; // milliseconds for which the browser may take a file

/** Hands a file over to the browser: `file` in base64, of a type, with a name. */
export function download({ file, type }, name) {
  const bytes = Uint8Array.from(atob(file), (letter) => letter.charCodeAt(0));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([bytes], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), LASTS);
}

/** Listens to files; `open` gets a file, `save` the suffix of one. */
export function listenToFiles({ open, save }) {
  const input = document.getElementById("file");
  const body = document.body;
  input.addEventListener("change", () => {
    if (input.files[0]) open(input.files[0]);
    input.value = "";
  });
  addEventListener("dragover", (event) => {
    event.preventDefault();
    body.classList.add("dropping");
  });
  addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) body.classList.remove("dropping");
  });
  addEventListener("drop", (event) => {
    event.preventDefault();
    body.classList.remove("dropping");
    if (event.dataTransfer.files[0]) open(event.dataTransfer.files[0]);
  });
  for (const button of document.querySelectorAll("[data-suffix]")) {
    button.addEventListener("click", () => save(button.dataset.suffix));
  }
}
