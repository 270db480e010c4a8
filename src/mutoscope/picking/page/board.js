// The board: a canvas that shows a page from tiles, with the places on it.
//
// All places are in the scan's pixels. The view is the scan's point at the canvas's left top, and
// how many CSS pixels one of the scan's has.

const MOST_ZOOM = 16;
const KEPT = 400; // tiles
const SHARP = 2.5; // from this zoom on, pixels are shown as they are

export class Board {
  constructor(canvas, drawn) {
    this.canvas = canvas;
    this.drawn = drawn; // is called after each drawing
    this.view = { x: 0, y: 0, zoom: 1 };
    this.page = null;
    this.number = 0;
    this.chosen = -1;
    this.tiles = new Map();
    this.size = [0, 0];
    this.fitted = true;
    this.asked = false;
    new ResizeObserver(() => this.resize()).observe(canvas);
  }

  show(page, number, tile) {
    const same = this.number === number && this.page?.version === page.version;
    this.page = page;
    this.number = number;
    this.tile = tile;
    this.chosen = -1;
    if (same) this.draw();
    else this.fit();
  }

  resize() {
    const box = this.canvas.getBoundingClientRect();
    const [wide, high] = this.size;
    this.size = [box.width, box.height];
    this.canvas.width = Math.round(box.width * devicePixelRatio);
    this.canvas.height = Math.round(box.height * devicePixelRatio);
    if (!this.page) return;
    if (this.fitted) {
      this.fit();
    } else {
      this.view.x += (wide - box.width) / 2 / this.view.zoom;
      this.view.y += (high - box.height) / 2 / this.view.zoom;
      this.draw();
    }
  }

  whole() {
    return Math.min(this.size[0] / this.page.width, this.size[1] / this.page.height) * 0.96;
  }

  fit() {
    if (!this.page || !this.size[0]) return;
    this.view.zoom = Math.min(this.whole(), MOST_ZOOM);
    this.view.x = this.page.width / 2 - this.size[0] / 2 / this.view.zoom;
    this.view.y = this.page.height / 2 - this.size[1] / 2 / this.view.zoom;
    this.fitted = true;
    this.draw();
  }

  // Zoom so that what lies at a point of the canvas stays there; by default its middle.
  zoomTo(zoom, left = this.size[0] / 2, top = this.size[1] / 2) {
    const at = this.scanned(left, top);
    this.view.zoom = Math.min(MOST_ZOOM, Math.max(Math.min(this.whole() / 2, 1), zoom));
    this.view.x = at.x - left / this.view.zoom;
    this.view.y = at.y - top / this.view.zoom;
    this.fitted = false;
    this.keep();
  }

  pan(left, top) {
    this.view.x -= left / this.view.zoom;
    this.view.y -= top / this.view.zoom;
    this.fitted = false;
    this.keep();
  }

  // Some of the page always stays in view.
  keep() {
    const { zoom } = this.view;
    const [wide, high] = this.size.map((side) => side / zoom);
    const within = (at, shown, side) =>
      Math.min(side - shown * 0.1, Math.max(shown * 0.1 - shown, at));
    this.view.x = within(this.view.x, wide, this.page.width);
    this.view.y = within(this.view.y, high, this.page.height);
    this.draw();
  }

  reveal(place) {
    const [x, y] = place;
    const at = this.placed(x, y);
    if (at.left < 20 || at.top < 20 || at.left > this.size[0] - 20 || at.top > this.size[1] - 20) {
      this.view.x = x - this.size[0] / 2 / this.view.zoom;
      this.view.y = y - this.size[1] / 2 / this.view.zoom;
      this.fitted = false;
    }
    this.draw();
  }

  scanned(left, top) {
    return { x: this.view.x + left / this.view.zoom, y: this.view.y + top / this.view.zoom };
  }

  placed(x, y) {
    return { left: (x - this.view.x) * this.view.zoom, top: (y - this.view.y) * this.view.zoom };
  }

  // The place whose centre is near a point of the canvas, or -1.
  near(left, top) {
    let best = -1;
    let least = Infinity;
    this.page.places.forEach(([x, y, side], index) => {
      const at = this.placed(x, y);
      const far = Math.hypot(at.left - left, at.top - top);
      const reach = Math.max(11, Math.min(side * this.view.zoom * 0.25, 40));
      if (far <= reach && far < least) [best, least] = [index, far];
    });
    return best;
  }

  draw() {
    if (this.asked || !this.page) return;
    this.asked = true;
    requestAnimationFrame(() => {
      this.asked = false;
      this.paint();
      this.drawn();
    });
  }

  paint() {
    const ink = this.canvas.getContext("2d");
    const { x, y, zoom } = this.view;
    const scale = devicePixelRatio;
    ink.setTransform(1, 0, 0, 1, 0, 0);
    ink.clearRect(0, 0, this.canvas.width, this.canvas.height);
    ink.setTransform(zoom * scale, 0, 0, zoom * scale, -x * zoom * scale, -y * zoom * scale);
    ink.fillStyle = "#fff";
    ink.fillRect(0, 0, this.page.width, this.page.height);
    ink.imageSmoothingEnabled = zoom < SHARP;
    ink.imageSmoothingQuality = "high";
    const last = this.page.levels - 1;
    const fine = Math.max(0, Math.min(last, Math.floor(Math.log2(1 / (zoom * scale)))));
    this.pending = 0;
    for (const level of new Set([last, Math.min(last, fine + 1), fine])) this.lay(ink, level);
    ink.setTransform(scale, 0, 0, scale, 0, 0);
    this.page.places.forEach((place, index) => this.mark(ink, place, index === this.chosen));
  }

  // The tiles of a level that are in view and have come; the others are asked for.
  lay(ink, level) {
    const side = this.tile * 2 ** level;
    const { x, y, zoom } = this.view;
    const right = Math.min(this.page.width, x + this.size[0] / zoom);
    const below = Math.min(this.page.height, y + this.size[1] / zoom);
    for (let row = Math.max(0, Math.floor(y / side)); row * side < below; row += 1) {
      for (let column = Math.max(0, Math.floor(x / side)); column * side < right; column += 1) {
        const image = this.image(level, column, row);
        if (!image.complete) {
          this.pending += 1;
        } else if (image.naturalWidth) {
          const wide = Math.min(side, this.page.width - column * side);
          const high = Math.min(side, this.page.height - row * side);
          ink.drawImage(image, column * side, row * side, wide, high);
        }
      }
    }
  }

  image(level, column, row) {
    const { version } = this.page;
    const address = `/pages/${this.number}/${level}/${column}/${row}?${version}`;
    let image = this.tiles.get(address);
    if (image) {
      this.tiles.delete(address); // and to the end: what was not used for longest goes first
    } else {
      image = new Image();
      image.onload = () => this.draw();
      image.onerror = () => this.tiles.delete(address);
      image.src = address;
    }
    this.tiles.set(address, image);
    if (this.tiles.size > KEPT) this.tiles.delete(this.tiles.keys().next().value);
    return image;
  }

  // A square with its centre and, where it is turned or chosen, the way that is up.
  mark(ink, [x, y, side, angle], chosen) {
    const at = this.placed(x, y);
    const half = (side * this.view.zoom) / 2;
    ink.save();
    ink.translate(at.left, at.top);
    ink.rotate((angle * Math.PI) / 180);
    const trace = () => {
      ink.beginPath();
      ink.rect(-half, -half, 2 * half, 2 * half);
      ink.moveTo(-6, 0);
      ink.lineTo(6, 0);
      ink.moveTo(0, -6);
      ink.lineTo(0, 6);
      if (chosen || angle % 360) {
        ink.moveTo(0, -half);
        ink.lineTo(0, -half - 10);
        ink.moveTo(-4, -half - 6);
        ink.lineTo(0, -half - 10);
        ink.lineTo(4, -half - 6);
      }
      ink.stroke();
    };
    ink.strokeStyle = "#ffffffcc";
    ink.lineWidth = chosen ? 5 : 3.5;
    trace();
    ink.strokeStyle = chosen ? "#0b57d0" : "#b3261e";
    ink.lineWidth = chosen ? 2.5 : 1.5;
    trace();
    ink.restore();
  }
}
