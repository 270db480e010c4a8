"""The look that all pages share: dark, quiet, with the pictures in front."""

STYLE = """
:root {
  --paper: #141416; --sheet: #1d1d20; --edge: #3a3a40; --ink: #ececee; --soft: #b4b4bc;
  --gold: #e8c07a; --blue: #9ec5ff; --radius: 10px;
}
body { background: var(--paper); color: var(--ink);
  font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
.nicegui-content { padding: 0; gap: 0; width: 100%; align-items: stretch; }
.studio-header { display: flex; align-items: center; gap: 1rem; flex-wrap: wrap;
  padding: .45rem 1.1rem; background: var(--paper); border-bottom: 1px solid var(--edge); }
.studio-mark { display: inline-flex; }
.studio-mark svg { width: 30px; height: 30px; display: block; }
.studio-nav { display: flex; gap: .15rem; flex-wrap: wrap; }
.studio-link { color: var(--soft); text-decoration: none; padding: .45rem .75rem;
  border-radius: 8px; font-size: .95rem; letter-spacing: .01em; }
.studio-link:hover { color: var(--ink); background: var(--sheet); }
.studio-link[aria-current="page"] { color: var(--gold); background: var(--sheet); }
.studio-status { margin-left: auto; min-width: 0; display: flex; }
.studio-now { color: var(--soft); text-decoration: none; font-size: .85rem;
  font-variant-numeric: tabular-nums; max-width: 40vw; overflow: hidden; white-space: nowrap;
  text-overflow: ellipsis; }
.studio-now:hover { color: var(--ink); }
.studio-main { display: block; padding: 1.2rem; width: 100%; max-width: 1600px; margin: 0 auto;
  box-sizing: border-box; outline: none; }
.studio-title { font-size: 1.5rem; font-weight: 500; }
.studio-hidden { position: absolute; width: 1px; height: 1px; overflow: hidden;
  clip-path: inset(50%); white-space: nowrap; margin: 0; }
.studio-skip { position: fixed; left: .6rem; top: -4rem; z-index: 9999; background: var(--gold);
  color: #1b1509; padding: .5rem .9rem; border-radius: 8px; }
.studio-skip:focus { top: .6rem; }
:focus-visible { outline: 2px solid var(--blue); outline-offset: 2px; }
/* Among important rules the first layer wins: Quasar's white text is in its last. */
@layer theme {
  .q-btn.bg-primary, .q-uploader__header, .q-uploader__header .q-btn { color: #1b1509 !important; }
}
.studio-main a:not([class*="q-"]):not(.studio-link) { color: var(--gold); }
.empty { color: var(--soft); padding: 3rem 0; text-align: center; }
.q-field__label, .q-field__messages { color: var(--soft); }
@media (max-width: 640px) {
  .studio-header { padding: .35rem .6rem; gap: .35rem; }
  .studio-nav { order: 3; width: 100%; flex-wrap: nowrap; overflow-x: auto; }
  .studio-nav { gap: 0; justify-content: space-between; }
  .studio-link { padding: .5rem .5rem; font-size: .85rem; letter-spacing: 0; }
  .studio-main { padding: .75rem; }
}
@media (prefers-reduced-motion: reduce) {
  * { animation-duration: .01ms !important; transition-duration: .01ms !important; }
}
"""
