"""How the page of a sweep looks, and what it does when one clicks; all of it stands in the page."""

STYLE = """
:root { color-scheme: light dark; --paper: #fff; --ink: #262a30; --faint: #636972;
  --mark: #b3400a; --line: #e2e4e8; --plain: #f1f2f4; --here: #2563eb; }
@media (prefers-color-scheme: dark) { :root { --paper: #191b1f; --ink: #e4e6ea; --faint: #a0a6ae;
  --mark: #f3965c; --line: #34383f; --plain: #24272d; --here: #7aa7ff; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
main { padding: 1.5rem; max-width: 120rem; margin: 0 auto; }
h1 { font-size: 1.35rem; line-height: 1.3; margin: 0 0 .3rem; overflow-wrap: anywhere; }
main h2 { font-size: 1.05rem; margin: 1.8rem 0 .4rem; overflow-wrap: anywhere; }
p { margin: .3rem 0; } a { color: inherit; }
img, video { display: block; max-width: 100%; height: auto; }
.wrapped { display: grid; grid-template-columns: repeat(auto-fill, minmax(8.5rem, 1fr)); gap: .8rem;
  margin-top: 1rem; max-width: 100rem; }
figure { margin: 0; min-width: 0; max-width: 16rem; }
figcaption { font-size: .8rem; color: var(--faint); overflow-wrap: anywhere; }
.scrolled { overflow-x: auto; margin-top: 1rem; }
table { border-collapse: separate; border-spacing: .4rem; }
th { font-size: .8rem; font-weight: 500; color: var(--faint); overflow-wrap: anywhere; }
th[scope=col] { vertical-align: bottom; }
th[scope=row] { text-align: left; position: sticky; left: 0; background: var(--paper);
  min-width: 4.5rem; max-width: 11rem; padding-right: .3rem; z-index: 1; }
td { padding: 0; } td a, td .empty { width: clamp(6.5rem, 14vw, 16rem); }
a[data-named] { display: block; } a[data-named] img { width: 100%; }
a:focus-visible, .empty:focus-visible, button:focus-visible, .scrolled:focus-visible {
  outline: 3px solid var(--here); outline-offset: 1px; }
.empty { background: var(--plain); color: var(--faint); min-height: 6.5rem; padding: .5rem;
  font-size: .75rem; line-height: 1.35; overflow: auto;
  max-height: 14rem; overflow-wrap: anywhere; }
.empty.failed { color: var(--mark); border: 1px solid currentColor; }
a[data-film] { position: relative; }
a[data-film]::after { content: "▶"; position: absolute; right: .3rem; bottom: .3rem; color: #fff;
  background: #000a; font-size: .7rem; padding: .1rem .4rem; border-radius: 3px; }
dialog { border: 0; padding: 0; width: min(96vw, 70rem); max-height: 96vh; background: var(--paper);
  color: var(--ink); box-shadow: 0 .5rem 3rem #0008; overflow: auto; }
dialog::backdrop { background: #000a; }
.bar { position: sticky; top: 0; display: flex; gap: .4rem; align-items: center; padding: .5rem;
  background: var(--paper); border-bottom: 1px solid var(--line); z-index: 1; }
.bar h2 { font-size: .95rem; margin: 0; flex: 1; min-width: 0; overflow-wrap: anywhere; }
button { font: inherit; min-width: 2.6rem; min-height: 2.6rem; border: 1px solid var(--line);
  background: var(--plain); color: inherit; border-radius: 4px; cursor: pointer; }
#shown img, #shown video { margin: 0 auto; max-height: 70vh; width: auto;
  min-width: min(100%, 16rem); object-fit: contain; }
#told { padding: .8rem; }
dl { display: grid; grid-template-columns: minmax(5rem, auto) 1fr; gap: .15rem .8rem; margin: 0;
  font-size: .85rem; } dt { color: var(--faint); } dd { margin: 0; overflow-wrap: anywhere; }
code { background: var(--plain); padding: .1em .35em; border-radius: 3px; user-select: all; }
@media (max-width: 40rem) { main { padding: .8rem; } }
"""

SCRIPT = """
const dialog = document.querySelector('dialog');
const links = [...document.querySelectorAll('a[data-named]')];
const places = [...document.querySelectorAll('[data-named]')];
let at = 0;
function show(index) {
  at = (index + links.length) % links.length;
  const link = links[at];
  document.getElementById('named').textContent = link.dataset.named;
  const film = link.hasAttribute('data-film');
  const whole = document.createElement(film ? 'video' : 'img');
  if (film) { whole.controls = whole.loop = whole.autoplay = whole.muted = true; }
  else whole.alt = link.dataset.named;
  whole.src = link.href;
  document.getElementById('shown').replaceChildren(whole);
  const list = document.createElement('dl');
  for (const line of link.dataset.told.split('\\n')) {
    const [name, value] = line.split('\\t');
    const term = document.createElement('dt'), told = document.createElement('dd');
    term.textContent = name;
    let inner = told;
    if (name.startsWith('again')) inner = document.createElement('code');
    if (name === 'picture' || name === 'settings') {
      inner = document.createElement('a');
      inner.href = value.split('/').map(encodeURIComponent).join('/');
    }
    inner.textContent = value;
    if (inner !== told) told.append(inner);
    list.append(term, told);
  }
  document.getElementById('told').replaceChildren(list);
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
}
for (const [index, link] of links.entries()) {
  link.addEventListener('click', (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    show(index);
  });
}
document.getElementById('before').addEventListener('click', () => show(at - 1));
document.getElementById('after').addEventListener('click', () => show(at + 1));
dialog.addEventListener('keydown', (event) => {
  if (event.target.tagName === 'VIDEO') return;
  if (event.key === 'ArrowLeft') show(at - 1);
  if (event.key === 'ArrowRight') show(at + 1);
});
dialog.addEventListener('click', (event) => { if (event.target === dialog) dialog.close(); });
dialog.addEventListener('close', () => {
  document.getElementById('shown').replaceChildren();
  links[at].focus();
});
document.querySelector('main').addEventListener('keydown', (event) => {
  const here = places.indexOf(document.activeElement);
  if (here < 0) return;
  const cell = document.activeElement.closest('td'), row = cell && cell.parentElement;
  let to = null;
  if (event.key === 'ArrowRight') to = places[here + 1];
  if (event.key === 'ArrowLeft') to = places[here - 1];
  if (row && (event.key === 'ArrowDown' || event.key === 'ArrowUp')) {
    const other = event.key === 'ArrowDown' ? row.nextElementSibling : row.previousElementSibling;
    to = other && other.children[cell.cellIndex].querySelector('[data-named]');
  }
  if (to) { event.preventDefault(); to.focus(); to.scrollIntoView({ block: 'nearest' }); }
});
"""
