// A box over a picture of a page. All numbers are pixels of the page.

// The whole box lies below the others, so it comes first.
const HANDLES = {
  move: "whole box",
  nw: "upper left corner", n: "upper edge", ne: "upper right corner", e: "right edge",
  se: "lower right corner", s: "lower edge", sw: "lower left corner", w: "left edge",
};
const LEAST = 8;
const REST = 500; // milliseconds after the last key before the box is told

export default {
  template: `
    <div class="crop" role="group" :aria-label="label">
      <div class="crop-page" ref="page" :style="{ aspectRatio: size[0] + ' / ' + size[1] }">
        <img :src="src" alt="" draggable="false">
        <svg :viewBox="'0 0 ' + size[0] + ' ' + size[1]" preserveAspectRatio="none" aria-hidden="true">
          <path class="crop-shade" fill-rule="evenodd" :d="shade"/>
          <path class="crop-lines" :d="lines" vector-effect="non-scaling-stroke"/>
          <rect class="crop-edge" :x="now[0]" :y="now[1]" :width="now[2] - now[0]"
            :height="now[3] - now[1]" vector-effect="non-scaling-stroke"/>
        </svg>
        <button v-for="(words, at) in handles" :key="at" type="button"
          :class="['crop-handle', 'crop-' + at]" :style="place(at)" :aria-label="words + said(at)"
          @pointerdown="begin($event, at)" @pointermove="drag" @pointerup="end" @pointercancel="cancel"
          @keydown="key($event, at)"></button>
      </div>
    </div>`,
  props: {
    src: { type: String, default: "" },
    size: { type: Array, default: () => [1, 1] },
    box: { type: Array, default: () => [0, 0, 1, 1] },
    across: { type: Array, default: () => [] },
    down: { type: Array, default: () => [] },
    unit: { type: Number, default: 0 },
    label: { type: String, default: "Margins" },
  },
  data() {
    return { now: [...this.box], hand: null, timer: 0, handles: HANDLES };
  },
  watch: {
    box(box) {
      if (!this.hand) this.now = [...box];
    },
  },
  computed: {
    shade() {
      const [left, top, right, bottom] = this.now;
      const [width, height] = this.size;
      return `M0 0H${width}V${height}H0ZM${left} ${top}H${right}V${bottom}H${left}Z`;
    },
    lines() {
      const [left, top, right, bottom] = this.now;
      const same = this.now.every((value, at) => value === this.box[at]);
      const columns = same ? this.across : this.steps(left, right);
      const rows = same ? this.down : this.steps(top, bottom);
      return columns.map((x) => `M${x} ${top}V${bottom}`).join("")
        + rows.map((y) => `M${left} ${y}H${right}`).join("");
    },
  },
  unmounted() {
    clearTimeout(this.timer);
  },
  methods: {
    // The grid while a hand moves; at rest the server says where its lines stand.
    steps(first, last) {
      const found = [];
      if (this.unit > 2) for (let at = first; at <= last; at += this.unit) found.push(at);
      return found;
    },
    place(at) {
      const [left, top, right, bottom] = this.now;
      const [width, height] = this.size;
      const across = (x) => `${(100 * x) / width}%`;
      const down = (y) => `${(100 * y) / height}%`;
      if (at === "move") {
        return { left: across(left), top: down(top), width: across(right - left), height: down(bottom - top) };
      }
      const x = at.includes("w") ? left : at.includes("e") ? right : (left + right) / 2;
      const y = at.includes("n") ? top : at.includes("s") ? bottom : (top + bottom) / 2;
      return { left: across(x), top: down(y) };
    },
    said(at) {
      const [left, top, right, bottom] = this.now.map(Math.round);
      return at === "move" ? `, ${right - left} by ${bottom - top} pixels at ${left}, ${top}` : "";
    },
    moved(from, at, dx, dy) {
      let [left, top, right, bottom] = from;
      const [width, height] = this.size;
      const within = (value, least, most) => Math.round(Math.min(most, Math.max(least, value)));
      if (at === "move") {
        const x = within(dx, -left, width - right);
        const y = within(dy, -top, height - bottom);
        return [left + x, top + y, right + x, bottom + y];
      }
      if (at.includes("w")) left = within(left + dx, 0, right - LEAST);
      if (at.includes("e")) right = within(right + dx, left + LEAST, width);
      if (at.includes("n")) top = within(top + dy, 0, bottom - LEAST);
      if (at.includes("s")) bottom = within(bottom + dy, top + LEAST, height);
      return [left, top, right, bottom];
    },
    begin(event, at) {
      if (event.button) return;
      event.target.setPointerCapture(event.pointerId);
      this.hand = { at, x: event.clientX, y: event.clientY, from: [...this.now] };
    },
    drag(event) {
      if (!this.hand) return;
      const page = this.$refs.page.getBoundingClientRect();
      const dx = ((event.clientX - this.hand.x) * this.size[0]) / page.width;
      const dy = ((event.clientY - this.hand.y) * this.size[1]) / page.height;
      this.now = this.moved(this.hand.from, this.hand.at, dx, dy);
    },
    end() {
      if (!this.hand) return;
      const before = this.hand.from;
      this.hand = null;
      if (this.now.some((value, at) => value !== before[at])) this.tell();
    },
    cancel() {
      if (this.hand) this.now = this.hand.from;
      this.hand = null;
    },
    key(event, at) {
      const far = event.shiftKey ? 10 : 1;
      const way = { ArrowLeft: [-far, 0], ArrowRight: [far, 0], ArrowUp: [0, -far], ArrowDown: [0, far] }[event.key];
      if (!way) return;
      event.preventDefault();
      this.now = this.moved(this.now, at, way[0], way[1]);
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.tell(), REST);
    },
    tell() {
      clearTimeout(this.timer);
      const [left, top, right, bottom] = this.now;
      this.$emit("change", { left, top, right, bottom });
    },
  },
};
