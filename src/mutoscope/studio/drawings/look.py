"""The look of the page Drawings, beside the one that all pages share."""

STYLE = """
:root { --pad: clamp(18rem, 58vh, 640px); }
.draw-head { display: flex; gap: .8rem; align-items: end; flex-wrap: wrap; margin-bottom: .6rem; }
.draw-head .q-field { min-width: min(18rem, 100%); }
.draw-soft { color: var(--soft); font-size: .92rem; max-width: 70ch; }
.draw-row { display: flex; gap: .8rem; margin: .5rem 0; flex-wrap: wrap; align-items: center; }
.draw-pages { display: grid; gap: 1rem; width: 100%; margin-top: 1rem;
  grid-template-columns: repeat(auto-fill, minmax(150px, 1fr)); }
.draw-form { display: grid; gap: .8rem; margin-bottom: .8rem; width: 100%;
  grid-template-columns: repeat(auto-fit, minmax(min(16rem, 100%), 1fr)); }
.draw-form > * { min-width: 0; max-width: 100%; }
.draw-page { margin: 0; }
.draw-page img, .draw-strip img { display: block; width: 100%; background: #fff;
  border-radius: 6px; }
.draw-page figcaption { font-size: .82rem; color: var(--soft); margin-top: .35rem;
  overflow-wrap: anywhere; line-height: 1.35; }
.draw-page b { color: var(--ink); font-weight: 500; }
.draw-odd { color: #ffcf8a; }
.draw-two { display: grid; gap: 1.4rem; grid-template-columns: minmax(0, 1fr) 20rem; width: 100%;
  align-items: start; }
.draw-two > * { min-width: 0; }
.draw-pad { grid-template-columns: minmax(0, var(--pad)) minmax(0, 30rem); gap: 2rem; }
.draw-narrow { width: 100%; max-width: var(--pad); }
.crop { width: 100%; }
.crop-page { position: relative; margin: 0 auto; max-width: 100%; max-height: 78vh;
  background: #fff; border-radius: 4px; touch-action: pan-y; user-select: none; }
.crop-page img, .crop-page svg { position: absolute; inset: 0; width: 100%; height: 100%;
  border-radius: 4px; pointer-events: none; }
.crop-shade { fill: rgb(20 20 22 / .55); }
.crop-lines { fill: none; stroke: rgb(179 38 30 / .55); stroke-width: 1; }
.crop-edge { fill: none; stroke: #b3261e; stroke-width: 2; }
.crop-handle { position: absolute; width: 26px; height: 26px; margin: -13px 0 0 -13px; padding: 0;
  border: 2px solid #fff; border-radius: 50%; background: #b3261e; touch-action: none;
  box-shadow: 0 0 0 1px #1d1d20; cursor: move; }
.crop-nw, .crop-se { cursor: nwse-resize; } .crop-ne, .crop-sw { cursor: nesw-resize; }
.crop-n, .crop-s { cursor: ns-resize; } .crop-e, .crop-w { cursor: ew-resize; }
.crop-move { margin: 0; border: 0; border-radius: 0; background: none; box-shadow: none; }
.draw-numbers { display: grid; gap: .5rem; grid-template-columns: 1fr 1fr; }
.draw-large { width: 100%; max-height: 70vh; object-fit: contain; background: #fff;
  border-radius: 6px; display: block; }
.draw-strip { display: flex; gap: .4rem; overflow-x: auto; padding: .3rem; margin-top: .4rem; }
.draw-strip button { flex: 0 0 84px; padding: 0; border: 2px solid transparent; border-radius: 8px;
  background: none; cursor: pointer; }
.draw-strip button[aria-current="true"] { border-color: var(--gold); }
.draw-chart { width: 100%; height: 250px; }
.pad-frame { display: grid; gap: .5rem; width: 100%; max-width: var(--pad);
  grid-template-columns: 1fr 1fr; }
.pad-frame > .pad-stage { grid-column: 1 / -1; }
.pad { position: relative; width: 100%; aspect-ratio: 1; background: var(--sheet);
  border-radius: 10px; touch-action: none; cursor: crosshair; user-select: none; }
.pad img { width: 100%; height: 100%; border-radius: 10px; display: block; }
.pad-point { position: absolute; width: 22px; height: 22px; margin: -11px 0 0 -11px;
  border-radius: 50%; border: 3px solid var(--gold); box-shadow: 0 0 0 2px #141416;
  background: rgb(20 20 22 / .35); pointer-events: none; }
.pad-corner { display: flex; gap: .5rem; align-items: center; min-width: 0; }
.pad-corner img { width: 52px; height: 52px; border-radius: 6px; flex: none; background: #fff; }
.pad-corner .q-field { flex: 1; min-width: 0; }
.draw-keys { display: flex; gap: .6rem; flex-wrap: wrap; }
.draw-key { width: 92px; position: relative; }
.draw-key img { width: 92px; height: 92px; border-radius: 6px; display: block; background: #fff; }
.draw-key .q-btn { width: 100%; }
.draw-slider { display: grid; grid-template-columns: 8.5rem minmax(0, 1fr) 3rem; gap: .6rem;
  align-items: center; font-size: .9rem; width: 100%; }
.draw-slider output { text-align: right; font-variant-numeric: tabular-nums; }
.draw-section { font-size: 1.02rem; font-weight: 500; margin: 1.1rem 0 .4rem; line-height: 1.3; }
.draw-film { width: 100%; max-width: 480px; border-radius: 8px; display: block; }
.q-tab-panels { background: transparent; } .q-tab-panel { padding: 1rem 0; }
@media (max-width: 900px) { .draw-two, .draw-pad { grid-template-columns: minmax(0, 1fr); } }
@media (max-width: 480px) {
  .draw-pages { grid-template-columns: repeat(auto-fill, minmax(110px, 1fr)); gap: .7rem; }
  .draw-slider { grid-template-columns: 6.5rem minmax(0, 1fr) 2.6rem; }
  .pad-corner img { width: 40px; height: 40px; }
}
"""
