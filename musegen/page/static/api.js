// What the page asks the server. An answer that is an error is thrown, as a sentence to show.

const TAB = crypto.randomUUID();
let controller = null;

async function failure(response) {
  const text = await response.text();
  try {
    return new Error(JSON.parse(text).error);
  } catch {
    return new Error(text || "The studio does not answer any more. Start it again.");
  }
}

async function reach(address, options) {
  try {
    return await fetch(address, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The studio does not answer any more. Start it again.");
  }
}

/** The models: a name, what it writes, and the voices that it has. */
export async function models() {
  const response = await reach("/api/models");
  if (!response.ok) throw await failure(response);
  return (await response.json()).models;
}

/** Hands a file in, and returns the step that reads it. */
export async function keep(file) {
  const response = await reach("/api/files", { method: "POST", body: file });
  if (!response.ok) throw await failure(response);
  return { do: "file", id: (await response.json()).id, name: file.name.slice(-100) };
}

/** Has something made of a take: "write", "attention" or "download". What is being done on the
 * way is told to `says`. Whatever was being made before is given up. */
export async function ask(what, request, says) {
  controller?.abort();
  const mine = (controller = new AbortController());
  const response = await reach(`/api/${what}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ tab: TAB, ...request }),
    signal: mine.signal,
  });
  if (!response.ok) throw await failure(response);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let [text, answer] = ["", null];
  for (;;) {
    const { done, value } = await reader.read();
    if (done) controller = null;
    if (done && answer) return answer;
    if (done) throw new Error("The studio stopped before it was done. Start it again.");
    text += value;
    const lines = text.split("\n");
    text = lines.pop();
    for (const line of lines) {
      const said = JSON.parse(line);
      if (said.error) throw new Error(said.error);
      if (said.says) says(said.says);
      else answer = said;
    }
  }
}

/** Gives up what is being made. */
export function cancel() {
  controller?.abort();
}
