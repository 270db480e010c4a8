// A picture on which a point is moved between four corners.

const EVERY = 60; // milliseconds from one word to the server to the next

export default {
  template: `
    <div class="pad" role="application" tabindex="0" ref="pad" aria-roledescription="pad"
      :aria-label="label + ', point at ' + Math.round(100 * now[0]) + ' % across and ' + Math.round(100 * now[1]) + ' % down. Arrow keys move it.'"
      @pointerdown="begin" @pointermove="drag" @pointerup="end" @pointercancel="end" @keydown="key">
      <img v-if="src" :src="src" alt="" draggable="false">
      <span class="pad-point" :style="{ left: 100 * now[0] + '%', top: 100 * now[1] + '%' }"></span>
    </div>`,
  props: {
    src: { type: String, default: "" },
    at: { type: Array, default: () => [0.5, 0.5] },
    label: { type: String, default: "Pad" },
  },
  data() {
    return { now: [...this.at], down: false, timer: 0 };
  },
  watch: {
    at(at) {
      if (!this.down) this.now = [...at];
    },
  },
  unmounted() {
    clearTimeout(this.timer);
  },
  methods: {
    begin(event) {
      if (event.button) return;
      this.$refs.pad.setPointerCapture(event.pointerId);
      this.down = true;
      this.follow(event);
    },
    drag(event) {
      if (this.down) this.follow(event);
    },
    end() {
      this.down = false;
    },
    follow(event) {
      const box = this.$refs.pad.getBoundingClientRect();
      this.go((event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
    },
    key(event) {
      const far = event.shiftKey ? 0.1 : 0.02;
      const way = { ArrowLeft: [-far, 0], ArrowRight: [far, 0], ArrowUp: [0, -far], ArrowDown: [0, far] }[event.key];
      if (!way) return;
      event.preventDefault();
      this.go(this.now[0] + way[0], this.now[1] + way[1]);
    },
    go(x, y) {
      const within = (value) => Math.round(1e4 * Math.min(1, Math.max(0, value))) / 1e4;
      this.now = [within(x), within(y)];
      if (this.timer) return;
      this.timer = setTimeout(() => {
        this.timer = 0;
        this.$emit("move", { x: this.now[0], y: this.now[1] });
      }, EVERY);
    },
  },
};
