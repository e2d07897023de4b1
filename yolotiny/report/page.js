// The viewer of the worst images: zoom by wheel, buttons and keys, pan by dragging and arrows, kinds shown or hidden.
"use strict";
(() => {
  const pictures = JSON.parse(document.getElementById("pictures").textContent);
  const stage = document.getElementById("stage");
  if (!stage || !pictures.length) return;
  const SVG = "http://www.w3.org/2000/svg";
  const svg = stage.querySelector("svg");
  const scene = document.getElementById("scene");
  const said = document.getElementById("said");
  const list = [...document.querySelectorAll("#list button")];
  const toggles = [...document.querySelectorAll("#toggles input")];
  const MOST = 60, STEP = 1.25, ARROW = 60;
  let shown = 0, view = { k: 1, x: 0, y: 0 }, atError = -1;

  const make = (name, attributes, parent) => {
    const node = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    return parent.appendChild(node);
  };
  const hidden = () => new Set(toggles.filter((t) => !t.checked).map((t) => t.value));

  function apply() {
    scene.setAttribute("transform", `translate(${view.x} ${view.y}) scale(${view.k})`);
    const pixels = view.k * (svg.getScreenCTM()?.a ?? 1);
    svg.classList.toggle("near", pixels > 2.5);
  }

  function filter() {
    const off = hidden();
    for (const group of scene.querySelectorAll("g.box-group")) {
      group.style.display = off.has(group.dataset.kind) ? "none" : "";
    }
  }

  function show(index) {
    shown = (index + pictures.length) % pictures.length;
    const p = pictures[shown];
    list.forEach((b, i) => b.setAttribute("aria-current", i === shown));
    const row = list[shown], frame = row.parentElement;  // scrollIntoView would scroll the whole page as well
    frame.scrollTop = Math.min(row.offsetTop - frame.offsetTop,
      Math.max(frame.scrollTop, row.offsetTop - frame.offsetTop + row.offsetHeight - frame.clientHeight));
    svg.setAttribute("viewBox", `0 0 ${p.width} ${p.height}`);
    scene.replaceChildren();
    const size = { x: 0, y: 0, width: p.width, height: p.height };
    if (p.source) make("image", { ...size, href: p.source, preserveAspectRatio: "none" }, scene);
    else make("rect", { ...size, id: "empty" }, scene);
    for (const b of p.boxes) {
      const [x, y, width, height] = b.box;
      const group = make("g", { class: `box-group ${b.kind}` }, scene);
      group.dataset.kind = b.kind;
      make("rect", { class: "halo", x, y, width, height }, group);
      make("rect", { class: "box", x, y, width, height }, group);
      group.addEventListener("pointerenter", () => { said.textContent = b.text; });
      group.addEventListener("pointerleave", () => { said.textContent = ""; });
    }
    said.textContent = "";
    atError = -1;
    filter();
    reset();
  }

  function reset() { view = { k: 1, x: 0, y: 0 }; apply(); }

  // The point under a pixel of the window, in pixels of the picture before our own transform.
  function point(clientX, clientY) {
    return new DOMPoint(clientX, clientY).matrixTransform(svg.getScreenCTM().inverse());
  }

  function zoom(factor, clientX, clientY) {
    const box = stage.getBoundingClientRect();
    const at = point(clientX ?? box.x + box.width / 2, clientY ?? box.y + box.height / 2);
    const k = Math.min(MOST, Math.max(1, view.k * factor));
    view = { k, x: at.x - (at.x - view.x) * (k / view.k), y: at.y - (at.y - view.y) * (k / view.k) };
    if (k === 1) view = { k: 1, x: 0, y: 0 };
    apply();
  }

  function pan(dx, dy) {
    const scale = svg.getScreenCTM().a;
    view = { ...view, x: view.x + dx / scale, y: view.y + dy / scale };
    apply();
  }

  // Go to the next error of a kind that is switched on, with twice its size around it, 16 pixels at least.
  function nextError(step) {
    const off = hidden();
    const p = pictures[shown];
    const errors = p.boxes.filter((b) => !["hit", "truth", "ignored"].includes(b.kind) && !off.has(b.kind));
    if (!errors.length) { said.textContent = "no error of the kinds shown"; return; }
    atError = (atError + step + errors.length) % errors.length;
    const [x, y, w, h] = errors[atError].box;
    const around = (side) => side + 2 * Math.max(16, 2 * side);
    const k = Math.min(MOST, Math.max(1, Math.min(p.width / around(w), p.height / around(h))));
    view = { k, x: p.width / 2 - (x + w / 2) * k, y: p.height / 2 - (y + h / 2) * k };
    apply();
    said.textContent = `${atError + 1} of ${errors.length}: ${errors[atError].text}`;
  }

  stage.addEventListener("wheel", (e) => {
    e.preventDefault();
    zoom(Math.exp(-Math.sign(e.deltaY) * Math.min(Math.abs(e.deltaY), 120) * 0.002), e.clientX, e.clientY);
  }, { passive: false });
  let held = null;
  svg.addEventListener("pointerdown", (e) => {
    held = { x: e.clientX, y: e.clientY };
    svg.setPointerCapture(e.pointerId);
    svg.classList.add("held");
  });
  svg.addEventListener("pointermove", (e) => {
    if (!held) return;
    pan(e.clientX - held.x, e.clientY - held.y);
    held = { x: e.clientX, y: e.clientY };
  });
  const release = () => { held = null; svg.classList.remove("held"); };
  svg.addEventListener("pointerup", release);
  svg.addEventListener("pointercancel", release);
  svg.addEventListener("dblclick", (e) => zoom(2, e.clientX, e.clientY));

  const KEYS = {
    "+": () => zoom(STEP), "=": () => zoom(STEP), "-": () => zoom(1 / STEP), "0": reset,
    ArrowLeft: () => pan(ARROW, 0), ArrowRight: () => pan(-ARROW, 0),
    ArrowUp: () => pan(0, ARROW), ArrowDown: () => pan(0, -ARROW),
    n: () => show(shown + 1), p: () => show(shown - 1), e: () => nextError(1), E: () => nextError(-1),
  };
  stage.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || !KEYS[e.key]) return;
    e.preventDefault();
    KEYS[e.key]();
  });
  for (const button of document.querySelectorAll("#tools button")) {
    button.addEventListener("click", () => KEYS[button.dataset.key]());
  }
  list.forEach((b, i) => b.addEventListener("click", () => show(i)));
  toggles.forEach((t) => t.addEventListener("change", filter));
  show(0);
})();
