"""How the page of a map looks, and what it does when one clicks; everything stands in the page."""

STYLE = """
:root { color-scheme: light dark; --paper: #fff; --ink: #262a30; --faint: #6e747c;
  --mark: #d6601c; --line: #e2e4e8; --plain: #f4f5f7; }
@media (prefers-color-scheme: dark) { :root { --paper: #191b1f; --ink: #e4e6ea; --faint: #9aa0a8;
  --mark: #f08a4b; --line: #34383f; --plain: #22252a; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 110rem; padding: 1.5rem; background: var(--paper);
  color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0 0 .3rem; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .4rem; }
p { margin: .3rem 0; max-width: 60rem; } .faint { color: var(--faint); }
code { background: var(--plain); padding: .1em .35em; border-radius: 3px; }
img { display: block; width: 100%; height: auto; background: #fff; }
.small img { image-rendering: pixelated; }
figure { margin: 0; min-width: 0; } figcaption { font-size: .75rem; line-height: 1.4;
  color: var(--faint); text-align: center; overflow-wrap: anywhere; }
.map { display: grid; gap: .35rem; margin-top: .8rem; }
.map button { all: unset; display: block; cursor: pointer; outline: 2px solid transparent;
  outline-offset: 1px; }
.map button:focus-visible, .map .here button { outline-color: #3b82f6; }
.map .thin button { outline-color: var(--mark); } .map .thin figcaption { color: var(--mark); }
.map .thin.here button, .map .thin button:focus-visible { outline-color: #3b82f6; }
.bar { position: sticky; bottom: 0; display: flex; gap: 1rem; flex-wrap: wrap; align-items: center;
  padding: .6rem 0; background: var(--paper); border-top: 1px solid var(--line); }
.bar[hidden] { display: none; }
.bar > div { display: flex; gap: 1rem; align-items: center; }
.bar .pair { width: 17rem; } .bar .words { flex: 1 1 16rem; display: block; }
.strip { display: grid; grid-template-columns: 11rem repeat(7, minmax(0, 7rem)); gap: .35rem;
  align-items: center; margin: .35rem 0; }
.strip p { margin: 0; line-height: 1.3; }
.shelf { display: grid; grid-template-columns: repeat(auto-fill, minmax(9rem, 1fr)); gap: .8rem;
  margin-top: .8rem; }
.pairs { display: grid; grid-template-columns: repeat(auto-fill, minmax(17rem, 1fr)); gap: 1rem;
  margin-top: .8rem; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: .35rem; }
.pair p { grid-column: 1 / 3; font-size: .8rem; line-height: 1.4; margin: 0; }
summary { cursor: pointer; }
"""

SCRIPT = """
const bar = document.getElementById('bar'), keys = [];
for (const figure of document.querySelectorAll('.map figure')) {
  figure.querySelector('button').addEventListener('click', () => {
    for (const other of document.querySelectorAll('.here')) other.classList.remove('here');
    figure.classList.add('here');
    const number = figure.dataset.number;
    if (!keys.includes(number)) keys.push(number);
    const pair = document.getElementById('pair-' + number);
    const shown = pair ? pair.cloneNode(true) : figure.querySelector('img').cloneNode(true);
    shown.removeAttribute('id');
    document.getElementById('seen').replaceChildren(shown);
    document.getElementById('keys').textContent = keys.join(',');
    bar.hidden = false;
  });
}
document.getElementById('clear').addEventListener('click', () => {
  keys.length = 0;
  bar.hidden = true;
  for (const other of document.querySelectorAll('.here')) other.classList.remove('here');
});
"""
