// Hands: mouse, pen and fingers on the board.

const CLICK = 4; // CSS pixels by which a click may slip before it is a drag

// Pan and zoom the board as hands ask, and tell what else they do:
//   began()        something touches the board
//   choose(index)  a place was clicked, or is about to be moved
//   moved(x, y)    the chosen place is to be there, in the scan's pixels
//   clicked(x, y)  where no place is
//   ended()        something no longer touches the board
export function follow(canvas, board, told) {
  const fingers = new Map(); // pointers that are down
  let drag = null;

  function at(event) {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button > 1 || !board.page) return;
    const [left, top] = at(event);
    canvas.setPointerCapture(event.pointerId);
    canvas.focus({ preventScroll: true });
    fingers.set(event.pointerId, [left, top]);
    told.began();
    const hit = event.button === 0 && fingers.size === 1 ? board.near(left, top) : -1;
    drag = { left, top, hit, moved: fingers.size > 1, button: event.button, grip: null };
    if (hit >= 0) {
      const middle = board.placed(...board.page.places[hit]);
      drag.grip = [middle.left - left, middle.top - top];
    }
    event.preventDefault();
  });

  // Two fingers: what lies between them follows them, and grows as they part.
  function pinch(before, now, other) {
    const far = (one) => Math.max(10, Math.hypot(one[0] - other[0], one[1] - other[1]));
    board.pan((now[0] - before[0]) / 2, (now[1] - before[1]) / 2);
    const middle = [(now[0] + other[0]) / 2, (now[1] + other[1]) / 2];
    board.zoomTo((board.view.zoom * far(now)) / far(before), ...middle);
  }

  function pull(pointer, [left, top]) {
    if (!drag.moved) {
      if (Math.hypot(left - drag.left, top - drag.top) <= CLICK) return;
      drag.moved = true;
      canvas.classList.add("dragging");
      if (drag.hit >= 0 && drag.hit !== board.chosen) told.choose(drag.hit);
      fingers.set(pointer, [drag.left, drag.top]);
    }
    if (drag.hit >= 0) {
      const { x, y } = board.scanned(left + drag.grip[0], top + drag.grip[1]);
      told.moved(x, y);
    } else {
      const [from, above] = fingers.get(pointer);
      board.pan(left - from, top - above);
    }
    fingers.set(pointer, [left, top]);
  }

  canvas.addEventListener("pointermove", (event) => {
    const before = fingers.get(event.pointerId);
    if (!before || !drag) return;
    const now = at(event);
    const other = [...fingers].find(([id]) => id !== event.pointerId);
    if (!other) {
      pull(event.pointerId, now);
      return;
    }
    pinch(before, now, other[1]);
    fingers.set(event.pointerId, now);
  });

  function lifted(event) {
    if (!fingers.delete(event.pointerId) || !drag) return;
    canvas.classList.remove("dragging");
    if (event.type === "pointerup" && !drag.moved && drag.button === 0) {
      if (drag.hit >= 0) {
        told.choose(drag.hit);
      } else {
        const { x, y } = board.scanned(drag.left, drag.top);
        told.clicked(x, y);
      }
    }
    told.ended();
    if (fingers.size) drag.moved = true;
    else drag = null;
  }
  canvas.addEventListener("pointerup", lifted);
  canvas.addEventListener("pointercancel", lifted);

  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    if (!board.page) return;
    const pixels = event.deltaY * (event.deltaMode === 1 ? 30 : event.deltaMode === 2 ? 300 : 1);
    board.zoomTo(board.view.zoom * Math.exp(-pixels / (event.ctrlKey ? 120 : 480)), ...at(event));
  }, { passive: false });
}
