"use strict";
// The page: draws the newest picture, acknowledges it, and sends what the user does.

const $ = (id) => document.getElementById(id);
const canvas = $("picture"), context = canvas.getContext("2d");
const RETRY_MS = 1000, LOST_MS = 2000, CAMERA_IN_FLIGHT = 2, CAMERA_QUALITY = 0.8;
const HIDDEN_FLAGS = new Set(["auto_gain", "is_paused", "is_fullscreen"]);

let socket = null, hello = null, settings = {}, source = "server", camera = null, drawn = 0;
let grabbed = 0, cameraDelay = 0;
const onWay = new Map();  // pictures of the own camera, and when they were grabbed
let lastState = 0;

function say(text) { $("message").textContent = text; }
function send(message) { if (socket && socket.readyState === 1) socket.send(JSON.stringify(message)); }
function set(changes) { send({ set: changes }); }

function connect() {
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  const query = source === "camera" ? "?source=camera" : "";
  const mine = socket = new WebSocket(`${scheme}://${location.host}/live${query}`);
  mine.binaryType = "arraybuffer";
  mine.onopen = () => { say(""); drawn = 0; onWay.clear(); };
  mine.onmessage = (event) => typeof event.data === "string" ? told(JSON.parse(event.data)) : draw(mine, event.data);
  mine.onclose = (event) => {
    if (socket !== mine) return;
    say(event.code === 1008 ? `the server refused: ${event.reason}` : "no connection; trying again ...");
    if (event.code !== 1008) setTimeout(() => { if (socket === mine) connect(); }, RETRY_MS);
  };
}

async function draw(from, data) {
  const head = new DataView(data), number = head.getUint32(0, true), mark = head.getUint32(4, true);
  try {
    const picture = await createImageBitmap(new Blob([new Uint8Array(data, 8)], { type: "image/jpeg" }));
    if (from === socket && number > drawn) {  // a picture may be decoded after the one that follows it
      if (canvas.width !== picture.width || canvas.height !== picture.height) {
        canvas.width = picture.width; canvas.height = picture.height;
      }
      context.drawImage(picture, 0, 0);
      canvas.dataset.number = drawn = number;
    }
    picture.close();
  } finally {
    if (from.readyState === 1) from.send(JSON.stringify({ ack: number }));
  }
  if (source === "camera") arrived(mark);
}

function arrived(mark) {
  if (onWay.has(mark)) {
    const delay = performance.now() - onWay.get(mark);
    cameraDelay = cameraDelay ? 0.9 * cameraDelay + 0.1 * delay : delay;
    (window.delays ||= []).push(delay);
    if (window.delays.length > 1000) window.delays.shift();
  }
  for (const number of onWay.keys()) if (number <= mark) onWay.delete(number);
}

function told(message) {
  if (message.hello) { hello = message.hello; build(); }
  if (message.error) { say(message.error); setTimeout(() => say(""), 4000); }
  if (message.state) show(message.state);
}

function build() {
  fill($("filter"), hello.filters);
  fill($("view"), hello.views);
  $("colors").replaceChildren(...Object.entries(hello.colors).map(([name, rgb]) => {
    const button = document.createElement("button");
    button.style.background = `rgb(${rgb})`;
    button.title = name; button.dataset.name = name; button.setAttribute("role", "radio");
    button.onclick = () => set({ line_color: name });
    return button;
  }));
  const groups = Map.groupBy ? Map.groupBy(hello.keys, (key) => key.group) : group(hello.keys);
  $("keys").replaceChildren(...[...groups].flatMap(([name, keys]) => [
    element("h3", name), ...keys.flatMap((key) => [element("kbd", key.label), element("span", key.help)]),
  ]));
}

function group(keys) {
  const groups = new Map();
  for (const key of keys) groups.set(key.group, [...(groups.get(key.group) || []), key]);
  return groups;
}

function element(tag, text) { const made = document.createElement(tag); made.textContent = text; return made; }
function fill(select, names) {
  select.replaceChildren(...names.map((name) => new Option(name, name)));
}

function show(state) {
  settings = state.settings;
  for (const id of ["filter", "view"]) if (document.activeElement !== $(id)) $(id).value = settings[id];
  slider("gain", Math.log2(settings.gain), settings.gain.toFixed(2));
  slider("threshold", settings.threshold, settings.threshold.toFixed(2));
  slider("sigma", settings.sigma, settings.sigma.toFixed(1));
  $("auto_gain").checked = settings.auto_gain;
  $("pause").classList.toggle("on", settings.is_paused);
  $("pause").textContent = settings.is_paused ? "Go on" : "Pause";
  $("record").classList.toggle("on", Boolean(state.recording));
  $("record").textContent = state.recording ? `Stop ${state.recording}` : "Record";
  for (const button of $("colors").children)
    button.setAttribute("aria-checked", String(button.dataset.name === settings.line_color));
  flags();
  const lost = state.outage_s > 0 ? `  source lost for ${state.outage_s.toFixed(0)} s` : "";
  $("numbers").textContent = `${state.fps.toFixed(1)} fps   latency ${state.latency_ms.toFixed(0)} ms   ` +
    `to here ${(source === "camera" ? cameraDelay : state.delay_ms).toFixed(0)} ms   ${state.device} ${state.execution}${lost}`;
  if (performance.now() - lastState > 2000) { lastState = performance.now(); recordings(); }
}

function slider(id, value, text) {
  const input = $(id);
  if (document.activeElement !== input || !input.matches(":active")) input.value = value;
  input.nextElementSibling.textContent = text;
}

function flags() {
  const names = Object.keys(settings).filter((name) => typeof settings[name] === "boolean" && !HIDDEN_FLAGS.has(name));
  if ($("flags").children.length !== names.length) {
    $("flags").replaceChildren(...names.map((name) => {
      const label = element("label", ""), box = document.createElement("input");
      label.className = "check"; box.type = "checkbox"; box.dataset.name = name;
      box.onchange = () => set({ [name]: box.checked });
      label.append(box, name.replace(/^(is|show)_/, "").replaceAll("_", " "));
      return label;
    }));
  }
  for (const box of $("flags").querySelectorAll("input")) box.checked = settings[box.dataset.name];
}

async function recordings() {
  const answer = await fetch("recordings/").catch(() => null);
  if (!answer || !answer.ok) return;
  const names = await answer.json();
  if ($("recordings").childElementCount === names.length) return;
  $("recordings").replaceChildren(...names.map((name) => {
    const link = element("a", `${name} `);
    link.href = `recordings/${encodeURIComponent(name)}`; link.download = name;
    return link;
  }));
}

// What the user does.

$("filter").onchange = (event) => { set({ filter: event.target.value }); event.target.blur(); };
$("view").onchange = (event) => { set({ view: event.target.value }); event.target.blur(); };
$("gain").oninput = (event) => set({ gain: Math.min(2 ** event.target.value, 64), auto_gain: false });
$("threshold").oninput = (event) => set({ threshold: Number(event.target.value) });
$("sigma").oninput = (event) => set({ sigma: Number(event.target.value) });
$("auto_gain").onchange = (event) => set({ auto_gain: event.target.checked });
$("pause").onclick = () => send({ key: "space" });
$("record").onclick = () => send({ key: "r" });
$("full").onclick = fullscreen;
$("camera").onclick = () => source === "camera" ? leaveCamera() : useCamera();

function fullscreen() {
  if (document.fullscreenElement) document.exitFullscreen();
  else $("stage").requestFullscreen().catch(() => say("this browser has no full screen for pages"));
}

const NAMES = { " ": "space", Backspace: "backspace" };
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.target.matches("select")) return;
  const key = NAMES[event.key] || (event.key.length === 1 ? event.key.toLowerCase() : null);
  if (!key || !hello) return;
  if (key === "f") { fullscreen(); event.preventDefault(); return; }
  if (key === "s") { document.querySelector("a[download]").click(); return; }
  if (hello.keys.some((each) => each.keys.includes(key))) { send({ key }); event.preventDefault(); }
});

function place(event) {
  const box = canvas.getBoundingClientRect();
  const scale = Math.min(box.width / canvas.width, box.height / canvas.height);
  return {
    x: Math.round((event.clientX - box.left - (box.width - canvas.width * scale) / 2) / scale),
    y: Math.round((event.clientY - box.top - (box.height - canvas.height * scale) / 2) / scale),
  };
}

let dragged = null, moved = 0;
const fingers = new Map();
canvas.addEventListener("pointerdown", (event) => {
  fingers.set(event.pointerId, place(event));
  if (event.button === 2 || fingers.size === 2) dragged = place(event);
  canvas.focus();
});
canvas.addEventListener("pointermove", (event) => {
  const at = place(event), before = fingers.get(event.pointerId);
  if (before && fingers.size === 2) pinch(event.pointerId, at);
  else if (dragged) { send({ mouse: { kind: "drag", ...at, dx: at.x - dragged.x, dy: at.y - dragged.y } }); dragged = at; }
  else if (performance.now() - moved > 15) { moved = performance.now(); send({ mouse: { kind: "move", ...at } }); }
  if (before) fingers.set(event.pointerId, at);
});
for (const name of ["pointerup", "pointercancel", "pointerleave"])
  canvas.addEventListener(name, (event) => { fingers.delete(event.pointerId); if (fingers.size < 2) dragged = null; });
canvas.addEventListener("contextmenu", (event) => event.preventDefault());
canvas.addEventListener("dblclick", (event) => send({ mouse: { kind: "zoom", ...place(event), factor: 2 } }));
canvas.addEventListener("wheel", (event) => {
  event.preventDefault();
  send({ mouse: { kind: "zoom", ...place(event), factor: event.deltaY < 0 ? 1.25 : 0.8 } });
}, { passive: false });

function pinch(id, at) {
  const [other] = [...fingers].filter(([key]) => key !== id).map(([, point]) => point);
  const before = fingers.get(id);
  const length = (point) => Math.hypot(point.x - other.x, point.y - other.y);
  const factor = Math.min(Math.max(length(at) / Math.max(length(before), 1), 0.5), 2);
  send({ mouse: { kind: "zoom", x: Math.round((at.x + other.x) / 2), y: Math.round((at.y + other.y) / 2), factor } });
}

// The browser's own camera: at most two pictures are on their way, and always the newest.

async function useCamera() {
  if (!navigator.mediaDevices) {
    say("a browser opens its camera only for https or localhost: use ssh -L 8000:localhost:8000 and open localhost:8000");
    return;
  }
  try {
    camera = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 480 }, audio: false });
  } catch (error) {
    say(error.name === "NotAllowedError" ? "the camera was refused: allow it beside the address of this page"
      : error.name === "NotFoundError" ? "this device has no camera" : `the camera does not open: ${error.message}`);
    return;
  }
  source = "camera";
  $("camera").classList.add("on"); $("camera").textContent = "Leave my camera";
  reconnect();
  const video = document.createElement("video");
  video.muted = true; video.playsInline = true; video.srcObject = camera;
  await video.play();
  sendFrames(video);
}

function sendFrames(video) {
  const frame = document.createElement("canvas"), pen = frame.getContext("2d", { alpha: false });
  const next = video.requestVideoFrameCallback ? (f) => video.requestVideoFrameCallback(f) : requestAnimationFrame;
  const grab = () => {
    if (!camera) return;
    next(grab);
    const now = performance.now();
    for (const [number, at] of onWay) if (now - at > LOST_MS) onWay.delete(number);
    if (!socket || socket.readyState !== 1 || onWay.size >= CAMERA_IN_FLIGHT || !video.videoWidth) return;
    const number = grabbed = (grabbed + 1) % 2 ** 32, to = socket;
    onWay.set(number, now);
    frame.width = video.videoWidth; frame.height = video.videoHeight;
    pen.drawImage(video, 0, 0);
    frame.toBlob((blob) => {
      if (blob && to.readyState === 1) to.send(new Blob([new Uint32Array([number]), blob]));
    }, "image/jpeg", CAMERA_QUALITY);
  };
  next(grab);
}

function leaveCamera() {
  camera.getTracks().forEach((track) => track.stop());
  camera = null; source = "server";
  $("camera").classList.remove("on"); $("camera").textContent = "Use my camera";
  reconnect();
}

function reconnect() { const old = socket; socket = null; old.close(); connect(); }

connect();
