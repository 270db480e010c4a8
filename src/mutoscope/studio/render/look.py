"""How Render looks, beside the dialogs of Gallery, and how a card keeps the focus."""

STYLE = """
.jobs { display: grid; gap: 12px; grid-template-columns: minmax(0, 1fr); list-style: none;
  margin: 0; padding: 0; }
.job { background: var(--sheet); border: 1px solid var(--edge); border-radius: 12px;
  display: grid; grid-template-columns: 132px minmax(0, 1fr); gap: 1rem; padding: .8rem; }
.job.live { grid-template-columns: minmax(0, 1.2fr) minmax(0, 1fr); }
.job-picture { background: var(--paper); border-radius: 8px; overflow: hidden; min-height: 88px;
  display: flex; align-items: center; justify-content: center; align-self: start; }
.job-picture img { display: block; width: 100%; max-height: 66vh; object-fit: contain; }
.job:not(.live) .job-picture img { height: 88px; object-fit: cover; }
.job.job.bare { grid-template-columns: minmax(0, 1fr); }
.job.bare .job-picture { display: none; }
.job-state { color: var(--soft); font-size: .9rem; font-variant-numeric: tabular-nums; }
.job-losses svg { width: 100%; height: 96px; display: block; margin-top: .6rem; }
.loss-key { display: flex; flex-wrap: wrap; gap: .1rem .9rem; list-style: none; padding: 0;
  margin: .3rem 0 0; font-size: .78rem; color: var(--soft); }
.loss-key i { display: inline-block; width: .7rem; height: .2rem; margin-right: .35rem;
  vertical-align: middle; }
.loss-key b { color: var(--ink); font-weight: 500; font-variant-numeric: tabular-nums; }
.part { font-size: .95rem; line-height: 1.4; font-weight: 600; color: var(--soft);
  margin: 1.6rem 0 .6rem; letter-spacing: .01em; }
@media (max-width: 760px) {
  .job, .job.live { grid-template-columns: minmax(0, 1fr); }
  .job:not(.live) { grid-template-columns: 84px minmax(0, 1fr); gap: .7rem; }
}
"""

# A job's buttons change with its state, and its card moves from part to part: what had the focus is
# looked for under its name, or else the job's title is given it, so that Tab goes on from there.
HOLDS = """
(() => {
  let card = null, name = null;
  document.addEventListener("focusin", (event) => {
    card = event.target.closest(".job")?.id || null;
    name = event.target.getAttribute("aria-label");
  });
  document.addEventListener("pointerdown", (event) => {
    if (!event.target.closest(".job")) card = null;
  });
  new MutationObserver(() => {
    if (!card || document.activeElement !== document.body) return;
    const found = document.getElementById(card);
    if (!found) { card = null; return; }
    const same = [...found.querySelectorAll("button")].find(
      (one) => name && one.getAttribute("aria-label") === name);
    (same || found.querySelector(".job-title"))?.focus({preventScroll: true});
  }).observe(document.documentElement, {childList: true, subtree: true});
})();
"""
