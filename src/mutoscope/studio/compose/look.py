"""How the page Compose looks."""

STYLE = """
.compose { display: grid; grid-template-columns: minmax(0, 1.35fr) minmax(0, 1fr); gap: 1.4rem;
  align-items: start; }
.compose-side { position: sticky; top: 4.2rem; display: grid; gap: 1.2rem; min-width: 0; }
.compose-left { display: grid; gap: 1.2rem; min-width: 0; }
.compose-part { background: var(--sheet); border-radius: var(--radius); padding: 1rem 1.1rem 1.1rem;
  min-width: 0; }
.compose-part h2, .compose-dialog h2 { font-size: 1.05rem; font-weight: 500; line-height: 1.4;
  margin: 0 0 .7rem; letter-spacing: .01em; }
.compose-bar { display: flex; flex-wrap: wrap; gap: .5rem; align-items: center;
  margin-bottom: 1.2rem; }
.compose-draft { min-width: 13rem; flex: 0 1 18rem; }
.compose-space { flex: 1 1 auto; }
.compose-scenes { display: grid; gap: .8rem; }
.compose-scene { border-left: 2px solid var(--edge); padding-left: .9rem; display: grid; gap: .5rem;
  justify-items: start; }
.compose-scene-head { width: 100%; align-items: center; gap: .6rem; min-height: 2rem;
  flex-wrap: nowrap; }
.compose-scene-head h3 { font-size: .95rem; font-weight: 500; line-height: 1.4; margin: 0; }
.compose-time { color: var(--soft); font-size: .85rem; font-variant-numeric: tabular-nums; }
.compose-prompt { display: grid; gap: .45rem; align-items: center; width: 100%;
  grid-template-columns: minmax(0, 1fr) 6.5rem 8.5rem 5.5rem 2rem; }
.compose-prompt.compose-wrong { outline: 1px solid #ff9c8f; outline-offset: 4px;
  border-radius: 4px; }
.compose-around .q-item { padding: 0; min-height: 2.4rem; color: var(--soft); }
.compose-around .q-expansion-item__content { padding-top: .4rem; }
.compose-add { justify-self: start; }
.compose-tool .q-icon { font-size: 1.25rem; }
.compose-tool { color: var(--soft); min-width: 2rem; min-height: 2rem; }
.compose-tools { width: 100%; align-items: center; gap: 1rem; margin-bottom: .9rem; }
.compose-search { flex: 1 1 12rem; }
.compose-fields { display: grid; gap: 1rem 1.4rem;
  grid-template-columns: repeat(auto-fill, minmax(17rem, 1fr)); align-items: start; }
.compose-field { min-width: 0; display: grid; gap: .25rem; }
.compose-fields h3 { grid-column: 1 / -1; font-size: .9rem; font-weight: 500; line-height: 1.4;
  color: var(--gold); margin: .3rem 0 -.4rem; }
.compose-fields .q-field--with-bottom { padding-bottom: 0; }
.compose-control { display: flex; align-items: center; gap: .1rem; }
.compose-wide { flex: 1 1 auto; width: 100%; min-width: 0; }
.compose-help, .compose-idle { color: var(--soft); font-size: .82rem; line-height: 1.4;
  overflow-wrap: anywhere; }
.compose-idle { color: var(--gold); }
.compose-fault { color: #ffaea3; font-size: .86rem; line-height: 1.4; overflow-wrap: anywhere; }
.compose-right { color: #8fd6a6; font-size: .86rem; }
.compose-faults { gap: .3rem; padding-top: .4rem; }
.compose-faults:empty { display: none; }
.compose-group > .q-expansion-item__container > .q-item { padding: 0 .2rem; }
.compose-group { grid-column: 1 / -1; }
.compose-yaml { height: auto; min-height: 14rem; max-height: 66vh; border-radius: 6px;
  overflow: hidden; border: 1px solid var(--edge); font-size: .88rem; }
.compose-yaml .cm-editor { min-height: 14rem; max-height: 66vh; }
.compose-yaml .cm-scroller { overflow: auto; }
.compose-yaml .cm-gutters .cm-gutterElement { color: #a2a2ad; }
.compose-line { background: rgba(255, 120, 100, .14); }
.compose-said { color: #ffaea3; font-style: italic; }
.compose-below { display: grid; gap: .35rem; padding-top: .7rem; }
.compose-plan { font-family: ui-monospace, monospace; font-size: .8rem; white-space: pre-wrap;
  overflow-wrap: anywhere; color: var(--ink); }
.compose-dialog { width: min(46rem, 94vw); max-width: none; gap: .7rem; }
.compose-described { white-space: pre-wrap; font-family: ui-monospace, monospace; font-size: .85rem;
  overflow-wrap: anywhere; }
.compose-pictures { display: grid; gap: .5rem; width: 100%;
  grid-template-columns: repeat(auto-fill, minmax(7.5rem, 1fr)); }
.compose-files { display: grid; width: 100%; justify-items: start; }
.compose-offer { font-size: .75rem; overflow-wrap: anywhere; }
.compose-offer .q-btn__content { flex-direction: column; gap: .3rem; }
.compose-offer img { width: 100%; max-height: 8rem; object-fit: contain; }
.compose-begin { width: 100%; text-align: left; }
.compose-begin .q-btn__content { display: grid; justify-items: start; text-align: left;
  gap: .1rem; }
.compose-motion { width: 100%; border-radius: 6px; }
@media (max-width: 1000px) {
  .compose { grid-template-columns: minmax(0, 1fr); }
  .compose-side { position: static; }
}
@media (max-width: 640px) {
  .compose-prompt { grid-template-columns: 1fr 1.25fr 1fr 2rem; padding-bottom: .5rem; }
  .compose-subject { grid-column: 1 / -1; }
  .compose-part { padding: .8rem; }
  .compose-fields { grid-template-columns: minmax(0, 1fr); }
  .compose-draft { flex: 1 1 100%; }
  .compose-bar .q-btn { padding: 4px 9px; }
}
"""
