// Makes parts of a page.

/** Makes an element with properties, or attributes where there is no such property, and children. */
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in made) made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

/** A button that does something. */
export function button(text, properties, press) {
  const made = element("button", { type: "button", textContent: text, ...properties });
  made.addEventListener("click", press);
  return made;
}

/** A button that is down or up; `press` is told which it is to be. */
export function toggle(text, properties, press) {
  const made = button(text, { "aria-pressed": "false", ...properties }, () => press(!isDown(made)));
  return made;
}

export const isDown = (one) => one.getAttribute("aria-pressed") === "true";

/** A slider from 0 to 1. */
export function slider(label, step = 0.05) {
  const properties = { type: "range", min: 0, max: 1, step, value: 0, "aria-label": label };
  return element("input", properties);
}
