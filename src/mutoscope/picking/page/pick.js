// The page: what is picked, what keys and buttons do, and what is said of it.

import { Board } from "/own/board.js";
import { follow } from "/own/hands.js";
import { Saving, ask } from "/own/saving.js";
import { Strip } from "/own/strip.js";

const REST = 900; // milliseconds after which another key press is another step
const $ = (id) => document.getElementById(id);

let pages = [];
let file = "";
let tile = 512;
let inches = 0.85; // of a new square
let current = 0;
let steps = { undo: 0, redo: 0 };
let stepping = 0; // undos and redos under way: what is on the board is not what will be
let answered = {}; // what answers said of pages while others were awaited
const unsaved = new Set(); // pages
const gesture = { what: "", when: 0, name: "" };

const board = new Board($("board"), sayView);
const saving = new Saving(heard);
const strip = new Strip($("strip"), turnTo);

// ── what is there ──

async function load(wanted = current) {
  const state = await ask("/state");
  ({ pages, file, tile } = state);
  if (pages.some((page) => page.places.length) || !saving.known) inches = state.inches;
  saving.known = true;
  unsaved.clear();
  answered = {};
  saving.restart(state.revision);
  steps = state;
  document.title = `Pick specimens · ${file}`;
  strip.show(pages);
  turnTo(Math.min(wanted, pages.length - 1));
  sayState(`Saved in ${file}`);
}

function turnTo(number) {
  if (number < 0 || number >= pages.length) return;
  current = number;
  location.replace(`#${number + 1}`);
  board.show(pages[number], number, tile);
  $("title").textContent = $("title").title = pages[number].name;
  $("number").textContent = `${number + 1} of ${pages.length}`;
  $("previous").disabled = number === 0;
  $("next").disabled = number === pages.length - 1;
  strip.mark(number);
  notice(pages[number].changed
    ? "This scan has changed since its specimens were picked: look whether they still fit."
    : "");
  choose(-1);
}

const here = () => pages[current];
const chosen = () => here().places[board.chosen];
const newSide = () => Math.max(1, Math.round(inches * here().dpi));

// ── changes ──

// One name for what a hand does without a rest, so that one undo takes it back.
function named(what) {
  const now = performance.now();
  if (what !== gesture.what || now - gesture.when > REST) {
    gesture.name = `${what} ${crypto.getRandomValues(new Uint32Array(2)).join("-")}`;
  }
  Object.assign(gesture, { what, when: now });
  return gesture.name;
}

function change(places, name = "") {
  if (stepping) return;
  changePages({ [current]: places }, name);
  board.draw();
}

function changePages(changed, name = "") {
  if (!name) gesture.what = "";
  for (const [number, places] of Object.entries(changed)) {
    pages[number].places = places;
    pages[number].changed = false;
    unsaved.add(Number(number));
  }
  strip.count(pages);
  tell();
  const sent = Object.fromEntries([...unsaved].map((number) => [number, pages[number].places]));
  return saving.post("/change", () => ({ pages: sent, gesture: name }));
}

function heard(kind, answer) {
  if (kind === "saving") {
    sayState("Saving …");
  } else if (kind === "saved") {
    steps = answer;
    Object.assign(answered, answer.pages);
    if (!saving.waiting) {
      unsaved.clear();
      sayState(`Saved in ${file}`);
      adopt(answered);
      answered = {};
    }
  } else if (kind === "stale") {
    load().then(() => notice("The places were changed elsewhere meanwhile; this is how they are now."));
  } else {
    sayState("Not saved", true);
    notice(`Not saved: ${answer}. The next change tries again.`, true);
  }
  buttons();
}

// Show what the server holds, which is what we have but after undo, redo and rounding.
function adopt(changed) {
  const numbers = Object.keys(changed).map(Number);
  for (const number of numbers) pages[number].places = changed[number];
  strip.count(pages);
  if (board.chosen >= here().places.length) board.chosen = -1;
  board.draw();
  tell();
}

async function step(way) {
  gesture.what = "";
  if (unsaved.size && !saving.waiting) changePages({});
  stepping += 1;
  await saving.post(way);
  stepping -= 1;
  const touched = Object.keys(steps.pages ?? {}).map(Number);
  if (touched.length && !touched.includes(current)) turnTo(touched[0]);
  choose(-1);
}

function pick(x, y) {
  const { width, height } = here();
  const place = [inside(x, width), inside(y, height), newSide(), 0];
  change([...here().places, place]);
  choose(here().places.length - 1);
}

const inside = (value, most) => Math.round(Math.min(most, Math.max(0, value)) * 100) / 100;

function alter(what, make) {
  if (!chosen()) return;
  const places = here().places.slice();
  places[board.chosen] = make(places[board.chosen]);
  change(places, named(`${what} ${current} ${board.chosen}`));
}

const moveTo = (x, y) =>
  alter("move", ([, , side, angle]) => [inside(x, here().width), inside(y, here().height), side, angle]);

function sized(side) {
  const whole = Math.min(100000, Math.max(1, Math.round(side)));
  inches = whole / here().dpi;
  alter("size", ([x, y, , angle]) => [x, y, whole, angle]);
  tell();
}

const turned = (angle) =>
  alter("turn", ([x, y, side]) => [x, y, side, ((angle % 360) + 360) % 360]);

function remove() {
  if (!chosen()) return;
  const at = board.chosen;
  const places = here().places.filter((_, index) => index !== at);
  board.chosen = -1;
  change(places);
  choose(Math.min(at, places.length - 1));
}

// What the finder suggests for a page and is not picked there yet.
async function suggested(number) {
  const { places } = pages[number];
  const found = (await ask(`/pages/${number}/proposal`)).places;
  // The same motif: the centres are nearer than the smaller square reaches.
  const same = ([x, y, side], [left, top, other]) =>
    Math.max(Math.abs(x - left), Math.abs(y - top)) < Math.min(side, other) / 2;
  return found.filter((one) => !places.some((place) => same(place, one)));
}

async function propose(numbers) {
  const name = `propose ${crypto.getRandomValues(new Uint32Array(2)).join("-")}`;
  let total = 0;
  $("propose").disabled = $("propose-empty").disabled = true;
  try {
    for (const [done, number] of numbers.entries()) {
      sayState(`Looking … ${done + 1} of ${numbers.length}`);
      const found = await suggested(number);
      total += found.length;
      if (!found.length) continue;
      await changePages({ [number]: [...pages[number].places, ...found] }, name);
      board.draw();
    }
    if (!saving.waiting && !unsaved.size) sayState(`Saved in ${file}`);
    say(total === 1 ? "1 place added" : `${total} places added`);
    if (!total) notice("The finder has nothing to add here.");
  } catch (error) {
    notice(`No proposal: ${error.message}`, true);
  } finally {
    $("propose").disabled = $("propose-empty").disabled = false;
  }
}

// ── what is said ──

function choose(index) {
  board.chosen = index;
  if (chosen()) board.reveal(chosen());
  board.draw();
  tell();
  if (!chosen()) return;
  const [x, y, side, angle] = chosen();
  say(`Place ${index + 1} of ${here().places.length}: ${Math.round(x)}, ${Math.round(y)}, side ${Math.round(side)}, angle ${Math.round(angle)}`);
}

function tell() {
  const [, , side, angle] = chosen() ?? [0, 0, newSide(), 0];
  if (document.activeElement !== $("side")) $("side").value = Math.round(side);
  if (document.activeElement !== $("angle")) $("angle").value = Math.round(angle * 10) / 10;
  buttons();
}

function buttons() {
  $("undo").disabled = !steps.undo && !saving.waiting;
  $("redo").disabled = !steps.redo;
  $("remove").disabled = $("angle").disabled = !chosen();
  $("same").disabled = !here()?.places.length;
}

function sayView() {
  const { zoom, x, y } = board.view;
  $("zoom").textContent = `${zoom < 0.1 ? (zoom * 100).toFixed(1) : Math.round(zoom * 100)} %`;
  $("board").dataset.pending = board.pending;
  $("board").dataset.view = JSON.stringify({ zoom, x, y, page: current });
}

function sayState(text, wrong = false) {
  $("saved").textContent = text;
  $("saved").classList.toggle("wrong", wrong);
}

function notice(text, wrong = false) {
  $("notice").textContent = text;
  $("notice").classList.toggle("wrong", wrong);
  $("notice").hidden = !text;
}

function say(text) {
  $("said").textContent = text;
}

// ── hands, keys and buttons ──

follow($("board"), board, {
  began: () => notice(""),
  choose,
  moved: (x, y) => {
    moveTo(x, y);
    gesture.when = Infinity; // as long as it is held, it is one step
  },
  clicked: (x, y) => {
    if (x >= 0 && y >= 0 && x <= here().width && y <= here().height) pick(x, y);
  },
  ended: () => {
    gesture.what = "";
  },
});

const zoomBy = (factor) => board.zoomTo(board.view.zoom * factor);

function arrow(event, right, down) {
  const far = event.shiftKey ? 10 : 1;
  if (chosen()) {
    const [x, y] = chosen();
    moveTo(x + right * far, y + down * far);
    board.reveal(chosen());
  } else {
    board.pan(-right * far * 40, -down * far * 40);
  }
}

function walk(by) {
  const total = here().places.length;
  if (total) choose((Math.max(board.chosen, by > 0 ? -1 : 0) + by + total) % total);
}

const KEYS = {
  ArrowLeft: (event) => arrow(event, -1, 0),
  ArrowRight: (event) => arrow(event, 1, 0),
  ArrowUp: (event) => arrow(event, 0, -1),
  ArrowDown: (event) => arrow(event, 0, 1),
  PageUp: () => turnTo(current - 1),
  PageDown: () => turnTo(current + 1),
  Delete: remove,
  Backspace: remove,
  Escape: () => choose(-1),
  "+": () => zoomBy(1.4),
  "=": () => zoomBy(1.4),
  "-": () => zoomBy(1 / 1.4),
  0: () => board.fit(),
  1: () => board.zoomTo(1),
  "[": () => sized((chosen()?.[2] ?? newSide()) / 1.02 - 1),
  "]": () => sized((chosen()?.[2] ?? newSide()) * 1.02 + 1),
  "{": () => sized((chosen()?.[2] ?? newSide()) / 1.2),
  "}": () => sized((chosen()?.[2] ?? newSide()) * 1.2),
  ",": () => turned((chosen()?.[3] ?? 0) - 1),
  ".": () => turned((chosen()?.[3] ?? 0) + 1),
  "<": () => turned((chosen()?.[3] ?? 0) - 15),
  ">": () => turned((chosen()?.[3] ?? 0) + 15),
  n: () => walk(1),
  b: () => walk(-1),
};

document.addEventListener("keydown", (event) => {
  if (event.target.matches("input") || !pages.length) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (event.ctrlKey || event.metaKey) {
    const way = { z: event.shiftKey ? "/redo" : "/undo", y: "/redo" }[key];
    if (!way || event.altKey) return;
    event.preventDefault();
    step(way);
  } else if (key === "Enter" && event.target === $("board")) {
    event.preventDefault();
    const { x, y } = board.scanned(board.size[0] / 2, board.size[1] / 2);
    pick(x, y);
  } else if (Object.hasOwn(KEYS, key) && !event.altKey) {
    event.preventDefault();
    notice("");
    KEYS[key](event);
  }
});

const CLICKS = {
  previous: () => turnTo(current - 1),
  next: () => turnTo(current + 1),
  undo: () => step("/undo"),
  redo: () => step("/redo"),
  out: () => zoomBy(1 / 1.4),
  in: () => zoomBy(1.4),
  fit: () => board.fit(),
  full: () => board.zoomTo(1),
  remove,
  same: () => {
    const side = chosen()?.[2] ?? newSide();
    change(here().places.map(([x, y, , angle]) => [x, y, side, angle]));
  },
  propose: () => propose([current]),
  "propose-empty": () =>
    propose([...pages.keys()].filter((number) => !pages[number].places.length)),
};
for (const [id, does] of Object.entries(CLICKS)) {
  $(id).addEventListener("click", () => pages.length && does());
}

for (const [id, does] of [["side", sized], ["angle", turned]]) {
  $(id).addEventListener("change", () => {
    const value = $(id).valueAsNumber;
    if (Number.isFinite(value)) does(value);
    tell();
  });
  $(id).addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === "Escape") $("board").focus();
  });
}

// Perhaps it was changed on another page meanwhile.
document.addEventListener("visibilitychange", async () => {
  if (document.hidden || saving.waiting || unsaved.size || !pages.length) return;
  const state = await ask("/state").catch(() => null);
  if (state && state.revision !== saving.revision && !saving.waiting && !unsaved.size) load();
});

window.addEventListener("beforeunload", (event) => {
  if (unsaved.size) event.preventDefault();
});

// The token came with the address and lies in a cookie now: it need not be seen.
const first = Number.parseInt(location.hash.slice(1), 10) - 1;
history.replaceState(null, "", "/");
load(first >= 0 ? first : 0).then(
  () => $("board").focus({ preventScroll: true }),
  (error) => {
    sayState("Not loaded", true);
    notice(error.message, true);
  },
);
