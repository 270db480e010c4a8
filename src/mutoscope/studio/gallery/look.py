"""How Gallery looks, and its dialogs wherever they open; and the keys that move among pictures."""

STYLE = """
.wall { display: flex; flex-wrap: wrap; gap: 14px 12px; list-style: none; margin: 0; padding: 0;
  --row: 230px; }
.wall::after { content: ""; flex-grow: 1000; }
.tile { flex: var(--r, 1) 1 calc(var(--r, 1) * var(--row)); min-width: 0;
  max-width: calc(var(--r, 1) * var(--row) * 1.7); }
.tile-button { display: block; width: 100%; padding: 0; border: 0; background: none;
  cursor: pointer;
  color: inherit; font: inherit; text-align: left; border-radius: var(--radius); }
.tile-frame { display: block; position: relative; width: 100%; aspect-ratio: var(--r, 1);
  border-radius: var(--radius); overflow: hidden; background: var(--sheet); }
.tile-frame img { width: 100%; height: 100%; object-fit: cover; display: block; }
.tile-mark { position: absolute; right: 8px; bottom: 8px; background: rgba(10,10,12,.82);
  color: #fff; font-size: .75rem; padding: .1rem .5rem; border-radius: 99px; }
.tile-mark:empty { display: none; }
.tile-name { display: block; padding: .35rem .2rem 0; font-size: .85rem; color: var(--soft);
  overflow: hidden; white-space: nowrap; text-overflow: ellipsis; }
.tile-button:hover .tile-name, .tile-button:focus-visible .tile-name { color: var(--ink); }
.bar { display: flex; flex-wrap: wrap; gap: .6rem; align-items: center; margin-bottom: 1rem; }
.bar .grow { flex: 1 1 14rem; }
.quiet { color: var(--soft); }
.viewer { background: var(--paper); color: var(--ink); display: grid; height: 100%;
  grid-template-columns: minmax(0, 1fr) 24rem; grid-template-rows: minmax(0, 1fr);
  align-items: stretch; gap: 0; overflow: hidden; border-radius: 0 !important; }
.viewer-stage { position: relative; display: flex; flex-direction: column; min-height: 0; }
.viewer-show { flex: 1; min-height: 0; display: flex; align-items: center; justify-content: center;
  padding: 1rem; }
.viewer-show img, .viewer-show video { max-width: 100%; max-height: 100%;
  min-width: min(100%, 40rem); object-fit: contain; border-radius: 4px; }
.viewer-side { padding: 1rem 1.2rem 2rem; overflow-y: auto; border-left: 1px solid var(--edge); }
.viewer h2 { font-size: 1.1rem; line-height: 1.4; font-weight: 500; margin: .2rem 0 .3rem;
  overflow-wrap: anywhere; letter-spacing: 0; }
.viewer h3 { font-size: .8rem; line-height: 1.4; font-weight: 600; color: var(--soft);
  margin: 1.2rem 0 .4rem; letter-spacing: .02em; }
.deeds { display: flex; flex-wrap: wrap; gap: .4rem; margin: .6rem 0; }
.strip { display: flex; gap: 6px; overflow-x: auto; padding: 4px 1rem 1rem; flex: none; }
.strip button { border: 0; padding: 0; background: none; flex: none; cursor: pointer;
  border-radius: 6px; color: var(--soft); font-size: .75rem; }
.strip img { height: 62px; display: block; border-radius: 6px; }
.recipe { display: grid; grid-template-columns: auto minmax(0, 1fr); gap: .2rem .9rem; margin: 0;
  font-size: .85rem; }
.recipe dt { color: var(--soft); } .recipe dd { margin: 0; overflow-wrap: anywhere; }
.said { font-family: ui-monospace, monospace; font-size: .8rem; background: var(--sheet);
  padding: .6rem .7rem; border-radius: 8px; overflow-wrap: anywhere; white-space: pre-wrap; }
.pair { display: grid; grid-template-columns: 1fr 1fr; grid-template-rows: minmax(0, 1fr);
  gap: 10px; flex: 1; min-height: 0; height: 100%; }
.pair > div { display: flex; align-items: center; justify-content: center; min-height: 0; }
.pair img, .pair video { max-width: 100%; max-height: 100%; min-width: min(100%, 20rem);
  object-fit: contain; }
.over { position: relative; margin: auto; max-width: 100%; flex: 0 1 auto; min-height: 0;
  aspect-ratio: var(--r, 1); width: min(100%, calc(70vh * var(--r, 1))); --at: 50; }
.over img { position: absolute; inset: 0; width: 100%; height: 100%; object-fit: contain; }
.over img + img { background: var(--paper); }
.over.swipe img + img { clip-path: inset(0 0 0 calc(var(--at) * 1%)); }
.over.onion img + img { opacity: calc(var(--at) / 100); }
.over.swipe::after { content: ""; position: absolute; top: 0; bottom: 0; width: 2px;
  left: calc(var(--at) * 1%); background: var(--gold); pointer-events: none; }
.over input { position: absolute; inset: 0; width: 100%; height: 100%; opacity: 0; margin: 0;
  cursor: ew-resize; }
.over:focus-within { outline: 2px solid var(--blue); outline-offset: 3px; }
.job-title { font-size: 1rem; line-height: 1.4; font-weight: 500; overflow-wrap: anywhere;
  margin: 0; letter-spacing: 0; }
.job-why { color: #ffb4ab; font-size: .9rem; overflow-wrap: anywhere; }
.fork-card { width: min(46rem, 96vw); max-width: 96vw !important; }
.fork-card textarea { font-family: ui-monospace, monospace; font-size: .85rem; }
.fork-frame { display: block; max-height: 200px; max-width: 100%; border-radius: 8px; }
@media (max-width: 760px) {
  .wall { --row: 130px; gap: 10px 8px; }
  .viewer { display: block; overflow-y: auto; }
  .viewer-side { border-left: 0; }
  .viewer-show { padding: .4rem; }
  .viewer-show img, .viewer-show video { max-height: 62vh; width: 100%; }
  .pair { grid-template-columns: 1fr; grid-template-rows: none; height: auto; }
  .viewer .over { width: 100%; }
}
"""

# Arrows move among the tiles of a wall; within the viewer left and right turn the leaf.
KEYS = """
document.addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  const step = {ArrowLeft: -1, ArrowRight: 1, ArrowUp: -2, ArrowDown: 2}[event.key];
  const busy = "input, textarea, select, video, [role=slider], .q-menu";
  if (!step || event.target.closest(busy)) return;
  const viewer = event.target.closest(".viewer");
  if (viewer) {
    const leaf = {"-1": ".turn-back", "1": ".turn-on"}[step];
    const turn = leaf && viewer.querySelector(leaf);
    if (turn) { event.preventDefault(); turn.click(); }
    return;
  }
  const tile = event.target.closest(".tile-button");
  if (!tile) return;
  const all = [...tile.closest(".wall").querySelectorAll(".tile-button")];
  let next = null;
  if (step === 1 || step === -1) {
    next = all[all.indexOf(tile) + step];
  } else {
    const here = tile.getBoundingClientRect(), middle = here.left + here.width / 2;
    const rows = all.map((one) => [one, one.getBoundingClientRect()]).filter(([, box]) =>
      step > 0 ? box.top > here.top + 8 : box.top < here.top - 8);
    const tops = rows.map(([, box]) => box.top);
    const top = step > 0 ? Math.min(...tops) : Math.max(...tops);
    const near = ([, box]) => Math.abs(box.left + box.width / 2 - middle);
    rows.filter(([, box]) => Math.abs(box.top - top) < 8).forEach((one) => {
      if (!next || near(one) < near(next)) next = one;
    });
    next = next && next[0];
  }
  if (next) { event.preventDefault(); next.focus(); }
});
"""
