// A picture goes to /detect; its boxes are drawn, filtered, looked at closely, and taken away as JSON or as a drawing.
"use strict";
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const ASKED = 0.05;  // the least score that is asked for; the slider filters what came
  const MOST = 60, STEP = 1.25, ARROW = 60;
  const byId = (id) => document.getElementById(id);
  const [stage, scene, said, under, hint] = ["stage", "scene", "said", "under", "hint"].map(byId);
  const [crops, conf, least, tiles, classes] = ["crops", "conf", "least", "tiles", "classes"].map(byId);
  const svg = stage.querySelector("svg");
  let file = null, found = null, bounds = null, asked = 0, link = "", view = { k: 1, x: 0, y: 0 };
  const off = new Set();  // names of classes that are hidden

  const colour = (number) => `hsl(${Math.round((number * 222.492) % 360)} 90% 58%)`;
  const make = (name, attributes, parent) => {
    const node = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    return parent.appendChild(node);
  };
  const shown = () => found.detections.filter((d) => d.score >= Number(conf.value) && !off.has(d.name));

  function tell(text, wrong = false) {
    said.textContent = text;
    said.classList.toggle("wrong", wrong);
  }

  async function look() {
    if (!file) return;
    if (bounds && file.size > bounds.bytes) {
      tell(`the picture has ${file.size.toLocaleString("en")} bytes; this service takes ${bounds.bytes.toLocaleString("en")}`, true);
      return;
    }
    const turn = ++asked, started = performance.now();
    const query = new URLSearchParams({ conf: ASKED });
    if (crops.value) query.set("crops", crops.value);
    tell("looking ...");
    stage.classList.add("busy");
    try {
      const reply = await fetch(`detect?${query}`, {
        method: "POST", body: file, headers: { "Content-Type": "application/octet-stream" } });
      const answer = await reply.json();
      if (turn !== asked) return;  // another picture was dropped meanwhile
      if (!reply.ok) throw new Error(answer.error);
      found = answer;
      found.seconds = (performance.now() - started) / 1000;
      await open();
    } catch (error) {
      if (turn !== asked) return;
      clear();
      tell(error instanceof TypeError ? "the service does not answer; is it running?" : error.message, true);
    } finally {
      if (turn === asked) stage.classList.remove("busy");
    }
  }

  function clear() {
    found = null;
    scene.replaceChildren();
    classes.replaceChildren();
    hint.hidden = false;
    for (const id of ["json", "drawing"]) byId(id).disabled = true;
  }

  // Show the picture under its boxes; a format that the browser does not know leaves the ground empty.
  async function open() {
    if (link) URL.revokeObjectURL(link);
    link = URL.createObjectURL(file);
    const { width, height } = found;
    scene.replaceChildren();
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const image = new Image();
    image.src = link;
    const known = await image.decode().then(() => true, () => false);
    if (known) make("image", { x: 0, y: 0, width, height, href: link, preserveAspectRatio: "none" }, scene);
    else make("rect", { x: 0, y: 0, width, height, fill: "#486581" }, scene);
    found.image = known ? image : null;
    make("g", { id: "marks" }, scene);
    hint.hidden = true;
    for (const id of ["json", "drawing"]) byId(id).disabled = false;
    fit();
    draw();
  }

  function draw() {
    least.textContent = Number(conf.value).toFixed(2);
    if (!found) return;
    const marks = byId("marks"), kept = shown();
    marks.replaceChildren();
    if (tiles.checked) for (const [x1, y1, x2, y2] of found.crops) {
      make("rect", { class: "tile", x: x1, y: y1, width: x2 - x1, height: y2 - y1 }, marks);
    }
    for (const d of [...kept].reverse()) {  // the surest on top
      const [x1, y1, x2, y2] = d.box;
      const place = { x: x1, y: y1, width: x2 - x1, height: y2 - y1 };
      make("rect", { class: "halo", ...place }, marks);
      const box = make("rect", { class: "box", stroke: colour(d.class), ...place }, marks);
      box.addEventListener("pointerenter", () => {
        under.textContent = `${d.name} ${d.score.toFixed(2)}, ${(x2 - x1).toFixed(1)} x ${(y2 - y1).toFixed(1)} px`;
      });
      box.addEventListener("pointerleave", () => { under.textContent = ""; });
    }
    list();
    const looks = found.crops.length ? `, ${found.crops.length} crops` : "";
    const unseen = found.image ? "" : "; this browser cannot show the format";
    tell(`${kept.length} of ${found.detections.length} boxes shown${looks}, ${found.width} x ${found.height} px, ` +
      `${found.seconds.toFixed(2)} s${unseen}`);
  }

  // A switch for each class that was found, with how many pass the slider.
  function list() {
    const there = new Map();
    for (const d of found.detections) {
      const row = there.get(d.name) ?? { number: d.class, count: 0 };
      row.count += d.score >= Number(conf.value);
      there.set(d.name, row);
    }
    const held = document.activeElement?.value;
    classes.replaceChildren();
    for (const [name, row] of [...there].sort((a, b) => a[1].number - b[1].number)) {
      const label = classes.appendChild(document.createElement("label"));
      const input = label.appendChild(document.createElement("input"));
      Object.assign(input, { type: "checkbox", value: name, checked: !off.has(name) });
      input.addEventListener("change", () => { off[input.checked ? "delete" : "add"](name); draw(); });
      const mark = make("svg", { viewBox: "0 0 14 10" }, label);
      make("rect", { width: 14, height: 10, fill: colour(row.number) }, mark);
      label.append(`${name} ${row.count}`);
      if (held === name) input.focus();
    }
  }

  function apply() {
    scene.setAttribute("transform", `translate(${view.x} ${view.y}) scale(${view.k})`);
    svg.classList.toggle("near", view.k * (svg.getScreenCTM()?.a ?? 1) > 2.5);
  }

  function fit() { view = { k: 1, x: 0, y: 0 }; apply(); }

  function zoom(factor, clientX, clientY) {
    const box = stage.getBoundingClientRect();
    const pointer = new DOMPoint(clientX ?? box.x + box.width / 2, clientY ?? box.y + box.height / 2);
    const at = pointer.matrixTransform(svg.getScreenCTM().inverse());
    const k = Math.min(MOST, Math.max(1, view.k * factor));
    view = k === 1 ? { k, x: 0, y: 0 } : { k, x: at.x - (at.x - view.x) * (k / view.k), y: at.y - (at.y - view.y) * (k / view.k) };
    apply();
  }

  function pan(dx, dy) {
    const scale = svg.getScreenCTM().a;
    view = { ...view, x: view.x + dx / scale, y: view.y + dy / scale };
    apply();
  }

  function save(blob, suffix) {
    const a = document.createElement("a");
    a.href = URL.createObjectURL(blob);
    a.download = `${file.name.replace(/\.[^.]*$/, "") || "picture"}${suffix}`;
    a.click();
    setTimeout(() => URL.revokeObjectURL(a.href), 10000);
  }

  function saveJson() {
    const { seconds, image, ...answer } = found;
    save(new Blob([JSON.stringify({ ...answer, detections: shown() }, null, 1)], { type: "application/json" }), ".json");
  }

  function saveDrawing() {
    const canvas = Object.assign(document.createElement("canvas"), { width: found.width, height: found.height });
    const pen = canvas.getContext("2d");
    if (!pen) { tell("the picture is too large for this browser to draw", true); return; }
    if (found.image) pen.drawImage(found.image, 0, 0, found.width, found.height);
    const frame = ([x1, y1, x2, y2], paint, around) => {
      pen.strokeStyle = paint;
      pen.strokeRect(Math.floor(x1) - around, Math.floor(y1) - around,
        Math.ceil(x2) - Math.floor(x1) + 2 * around, Math.ceil(y2) - Math.floor(y1) + 2 * around);
    };
    pen.lineWidth = Math.max(1, Math.round((found.width + found.height) / 3000));
    if (tiles.checked) for (const tile of found.crops) frame(tile, "#ffe14d", 0);
    for (const d of shown().reverse()) frame(d.box, colour(d.class), pen.lineWidth / 2);
    canvas.toBlob((blob) => {
      if (blob) save(blob, "-boxes.png");
      else tell("the picture is too large for this browser to draw", true);
    });
  }

  function take(given) {
    if (!given) return;
    file = given;
    look();
  }

  byId("file").addEventListener("change", (e) => { take(e.target.files[0]); e.target.value = ""; });
  crops.addEventListener("change", look);
  conf.addEventListener("input", draw);
  tiles.addEventListener("change", draw);
  byId("json").addEventListener("click", saveJson);
  byId("drawing").addEventListener("click", saveDrawing);
  for (const kind of ["dragover", "dragleave", "drop"]) document.addEventListener(kind, (e) => {
    e.preventDefault();  // a picture that is dropped beside the stage would replace the page
    stage.classList.toggle("over", kind === "dragover");
    if (kind === "drop") take(e.dataTransfer.files[0]);
  });
  stage.addEventListener("wheel", (e) => {
    e.preventDefault();
    if (found) zoom(Math.exp(-Math.sign(e.deltaY) * Math.min(Math.abs(e.deltaY), 120) * 0.002), e.clientX, e.clientY);
  }, { passive: false });
  let held = null;
  svg.addEventListener("pointerdown", (e) => {
    if (!found) return;
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
  const KEYS = {
    "+": () => zoom(STEP), "=": () => zoom(STEP), "-": () => zoom(1 / STEP), "0": fit,
    ArrowLeft: () => pan(ARROW, 0), ArrowRight: () => pan(-ARROW, 0), ArrowUp: () => pan(0, ARROW), ArrowDown: () => pan(0, -ARROW),
  };
  stage.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || !KEYS[e.key] || !found) return;
    e.preventDefault();
    KEYS[e.key]();
  });
  for (const button of document.querySelectorAll("#tools button")) {
    button.addEventListener("click", () => { if (found) KEYS[button.dataset.key](); });
  }

  fetch("health").then((reply) => reply.json()).then((state) => {
    const names = Object.values(state.names);
    byId("model").textContent = `${state.model}: ${names.length > 12 ? `${names.length} classes` : names.join(", ")}`;
    bounds = state.bounds;
  }, () => tell("the service does not answer; is it running?", true));
  draw();
})();
