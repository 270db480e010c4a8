// The timeline: a frame, what moves through the film, and its curves, all at one time.
//
// "Place" is the number of a frame that is told; a long film is told by every so many frames. The
// figure is what `mutoscope.studio.timeline.plots` writes; pictures are fetched one by one, the
// newest wish first, so that a hand which moves fast is never waited for.

const WIDE = 1000; // units of a plot's drawing, across and up
const HIGH = 100;
const ROWS = 60; // of the table, about
const DASHES = ["", "7 4", "2 3", "10 3 2 3"]; // told apart without colours, too
const DASH_AFTER = 6; // series, after which the fixed colours are used up
const LEAP = 10; // frames, with Shift

const number = (value) =>
  value === null || value === undefined ? "–" : String(Number(value.toPrecision(3)));
const seconds = (t) => `${(Math.round(t * 100) / 100 + 0).toFixed(2)} s`;

// Round numbers, about `most` of them, from `low` to `high`.
function ticks(low, high, most) {
  const rough = (high - low) / most;
  if (!(rough > 0) || !Number.isFinite(rough)) return [];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((each) => each * power >= rough * 0.999) * power;
  const found = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k += 1) {
    found.push(Number((k * step).toPrecision(12)));
    if (found.length > 50) break;
  }
  return found;
}

function bounds(series) {
  let [low, high] = [Infinity, -Infinity];
  for (const one of series) {
    for (const list of [one.values, one.low, one.high]) {
      for (const value of list) {
        if (value === null) continue;
        if (value < low) low = value;
        if (value > high) high = value;
      }
    }
  }
  if (low > high) return [0, 1];
  if (low === high) [low, high] = low === 0 ? [0, 1] : [Math.min(0, low), Math.max(0, high)];
  const room = (high - low) * 0.07;
  return [low - room, high + room];
}

function path(one, [low, high]) {
  const last = one.values.length - 1;
  const up = (value) => (HIGH * (1 - (value - low) / (high - low))).toFixed(3);
  let text = "";
  let pen = false;
  one.values.forEach((value, place) => {
    if (value === null) {
      pen = false;
      return;
    }
    const x = last ? ((WIDE * place) / last).toFixed(3) : "0";
    text += `${pen ? "L" : "M"}${x} ${up(value)}`;
    pen = true;
    if (one.low.length && one.low[place] !== null && one.low[place] !== one.high[place])
      text += `L${x} ${up(one.low[place])}L${x} ${up(one.high[place])}`;
  });
  return last ? text : text && `${text}H${WIDE}`;
}

export default {
  template: `
  <div class="tl" ref="root">
    <div class="tl-stage" v-if="film.base">
      <div class="tl-picture" :style="frameStyle">
        <img v-if="shown" :src="shown" :alt="alt" draggable="false">
        <div v-else class="tl-empty">{{ film.note || "The preview is being made …" }}</div>
        <div v-if="shown && shownPlace !== at" class="tl-behind">
          {{ late ? "frame " + frameOf(at) + " is not made yet; this is " + frameOf(shownPlace) : "…" }}
        </div>
      </div>
      <div class="tl-bar" v-if="figure">
        <button type="button" class="tl-button" @click="step(-1)" aria-label="Previous frame">
          <svg viewBox="0 0 24 24" aria-hidden="true"><path d="M7 6h2v12H7zM19 6v12l-9-6z"/></svg>
        </button>
        <button type="button" class="tl-button tl-play" @click="toggle()"
                :aria-label="playing ? 'Pause' : 'Play'">
          <svg viewBox="0 0 24 24" aria-hidden="true">
            <path :d="playing ? 'M7 5h4v14H7zM13 5h4v14h-4z' : 'M8 5v14l11-7z'"/>
          </svg>
        </button>
        <button type="button" class="tl-button" @click="step(1)" aria-label="Next frame">
          <svg viewBox="0 0 24 24" aria-hidden="true"><path d="M15 6h2v12h-2zM5 6l9 6-9 6z"/></svg>
        </button>
        <button type="button" class="tl-button" @click="round = !round" :aria-pressed="round"
                aria-label="Over and over">
          <svg viewBox="0 0 24 24" aria-hidden="true">
            <path d="M7 7h10v3l4-4-4-4v3H5v6h2zM17 17H7v-3l-4 4 4 4v-3h12v-6h-2z"/>
          </svg>
        </button>
        <span class="tl-when"><b>{{ when }}</b> <span>{{ where }}</span></span>
      </div>
      <div class="tl-making" v-if="film.stage !== 'done' && film.stage !== 'failed'">
        <progress :value="made" :max="Math.max(1, total)"
                  aria-label="How much of the preview is made"></progress>
        <span>{{ film.note || made + " of " + total + " frames" }}</span>
      </div>
    </div>

    <div class="tl-curves" v-if="film.base && figure">
      <div class="tl-scenes" v-if="figure.scenes.length > 1">
        <button v-for="one in scenes" type="button" :style="one.style" :title="one.text"
                @click="seek(one.place)" :aria-current="one.number === scene ? 'true' : null"
                :aria-label="'Scene ' + one.number + ', from ' + one.from + ': ' + one.text">
          {{ one.number }} <span>{{ one.text }}</span>
        </button>
      </div>
      <div class="tl-slide">
        <span class="tl-made" :style="{ width: 'calc(8px + (100% - 16px) * ' + madeShare + ')' }">
        </span>
        <input type="range" min="0" :max="last" step="1" :value="at" aria-label="Frame"
               :aria-valuetext="when + ', ' + where" @input="seek(Number($event.target.value))">
      </div>

      <section v-for="panel in drawn" class="tl-panel" :aria-label="panel.title">
        <h2>{{ panel.title }}</h2>
        <div class="tl-plot" @pointerdown="grab" @pointermove="drag($event, panel)"
             @pointerup="release" @pointercancel="release" @pointerleave="hover = null">
          <svg viewBox="0 0 1000 100" preserveAspectRatio="none" aria-hidden="true">
            <line v-for="one in panel.ticks" class="tl-grid" x1="0" x2="1000"
                  :y1="one.y" :y2="one.y"/>
            <line v-for="one in scenes.slice(1)" class="tl-cut" y1="0" y2="100"
                  :x1="one.x" :x2="one.x"/>
            <path v-for="one in panel.series" v-show="one.on" :d="one.d" :stroke="one.colour"
                  :stroke-dasharray="one.dash" :data-series="one.name"/>
          </svg>
          <span v-for="one in panel.ticks" class="tl-tick" :style="{ top: one.y + '%' }">
            {{ one.label }}</span>
          <span class="tl-cursor" :style="{ left: across(at) }"></span>
          <span v-if="hover && hover.panel === panel.title" class="tl-cursor tl-faint"
                :style="{ left: across(hover.place) }"></span>
          <div v-if="hover && hover.panel === panel.title" class="tl-tip" :style="tipStyle">
            <b>{{ seconds(figure.times[hover.place]) }}</b>
            <div v-for="one in panel.series" v-show="one.on && one.values[hover.place] !== null">
              <i :style="{ background: one.colour }"></i><span>{{ one.name }}</span>
              <b>{{ number(one.values[hover.place]) }}</b>
            </div>
          </div>
        </div>
        <div class="tl-legend">
          <button v-for="one in panel.series" type="button" :aria-pressed="one.on"
                  @click="flip(one.key)" :title="one.on ? 'Hide' : 'Show'">
            <svg viewBox="0 0 22 6" aria-hidden="true"><line x1="0" x2="22" y1="3" y2="3"
                 :stroke="one.colour" :stroke-dasharray="one.dash"/></svg>
            <span>{{ one.name }}</span> <b>{{ number(one.values[at]) }}</b>
          </button>
          <span v-if="panel.leftOut">and {{ panel.leftOut }} more, which are not drawn</span>
        </div>
      </section>
      <div class="tl-axis" aria-hidden="true">
        <span v-for="one in axis" :style="{ left: across(one.place) }">{{ one.label }}</span>
      </div>
      <p v-if="!drawn.length" class="tl-none">Nothing varies in these settings.</p>

      <details class="tl-table" @toggle="open = $event.target.open">
        <summary>The numbers as a table</summary>
        <div v-if="open" tabindex="0" role="region" aria-label="The numbers as a table">
          <table>
            <caption>{{ figure.name }}: {{ figure.count }} frames, {{ figure.rate }} a second;
              every {{ rows.step === 1 ? "frame" : rows.step + "th frame" }}</caption>
            <thead><tr>
              <th scope="col">second</th><th scope="col">frame</th><th scope="col">scene</th>
              <template v-for="panel in drawn">
                <th v-for="one in panel.series" scope="col">{{ one.name }}</th>
              </template>
            </tr></thead>
            <tbody><tr v-for="place in rows.places">
              <th scope="row">{{ figure.times[place].toFixed(2) }}</th>
              <td>{{ frameOf(place) }}</td><td>{{ sceneAt(place) }}</td>
              <template v-for="panel in drawn">
                <td v-for="one in panel.series">{{ number(one.values[place]) }}</td>
              </template>
            </tr></tbody>
          </table>
        </div>
      </details>
    </div>
  </div>`,
  props: { film: Object },
  data() {
    return {
      at: 0, // the place that is asked for
      figure: null,
      off: {}, // series that are not drawn, by panel and name
      shown: "", // the address of the picture that is seen
      shownPlace: -1,
      playing: false,
      round: false,
      hover: null,
      held: false,
      open: false,
      wide: 600,
    };
  },
  computed: {
    last() {
      return this.figure ? this.figure.times.length - 1 : 0;
    },
    total() {
      return this.film.total || 0;
    },
    made() {
      return this.film.made || 0;
    },
    late() {
      return this.at >= this.made;
    },
    madeShare() {
      return this.last ? Math.min(1, Math.max(0, this.made - 1) / this.last) : 1;
    },
    frameStyle() {
      const [wide, high] = this.film.sheet || [0, 0];
      const [width, height, top] = this.film.picture || [0, 0, 0];
      const [w, h] = wide ? [wide, high] : [638, 400];
      const [pw, ph] = wide ? [width, height] : [384, 400];
      return {
        "--whole": `${w} / ${h}`,
        "--part": `${pw} / ${ph}`,
        "--grow": `${(100 * w) / pw}%`,
        "--lift": `${(-100 * (wide ? top : 0)) / h}%`,
        "--shape": String(w / h),
        "--part-shape": String(pw / ph),
      };
    },
    when() {
      return this.figure ? seconds(this.figure.times[this.at] ?? 0) : "";
    },
    where() {
      const scene = this.figure.scenes.length > 1 ? `, scene ${this.scene}` : "";
      return `frame ${this.frameOf(this.at)} of ${this.figure.count - 1}${scene}`;
    },
    scene() {
      return this.sceneAt(this.at);
    },
    alt() {
      return `The preview at ${this.when}`;
    },
    scenes() {
      const { scenes, every } = this.figure;
      const place = (frame) => Math.min(this.last, Math.ceil(frame / every));
      return scenes.map((one, i) => {
        const start = place(one.frame);
        const end = i + 1 < scenes.length ? place(scenes[i + 1].frame) : this.last;
        const share = (n) => (this.last ? n / this.last : 0);
        return {
          number: one.number,
          text: one.text,
          place: start,
          from: seconds(one.t),
          x: WIDE * share(start),
          style: {
            left: this.across(start),
            width: `calc((100% - 16px) * ${share(end - start)} - 2px)`,
          },
        };
      });
    },
    drawn() {
      return this.figure.panels.map((panel) => {
        const series = panel.series.map((one, i) => {
          const key = `${panel.title}\n${one.name}`;
          const dash = DASHES[Math.floor(i / DASH_AFTER) % DASHES.length];
          return { ...one, key, dash, on: !this.off[key] };
        });
        const range = bounds(series.filter((one) => one.on));
        for (const one of series) one.d = path(one, range);
        const y = (value) => HIGH * (1 - (value - range[0]) / (range[1] - range[0]));
        return {
          title: panel.title,
          leftOut: panel.left_out,
          series,
          ticks: ticks(range[0], range[1], 4).map((v) => ({ y: y(v), label: number(v) })),
        };
      });
    },
    axis() {
      const { times } = this.figure;
      const [from, to] = [times[0], times[this.last]];
      const most = Math.max(2, Math.floor(this.wide / 90));
      return ticks(from, to, most).map((t) => ({ place: this.placeAt(t), label: `${t} s` }));
    },
    rows() {
      const step = Math.max(1, Math.ceil((this.last + 1) / ROWS));
      const places = [];
      for (let place = 0; place <= this.last; place += step) places.push(place);
      return { step: step * this.figure.every, places };
    },
    tipStyle() {
      const share = this.last ? this.hover.place / this.last : 0;
      return share < 0.5
        ? { left: `calc(${this.across(this.hover.place)} + 10px)` }
        : { right: `calc(100% - ${this.across(this.hover.place)} + 10px)` };
    },
  },
  watch: {
    film: {
      handler(film, before) {
        if (!before || film.base !== before.base || film.figure !== before.figure) this.fetch();
        if (before && film.base !== before.base) this.shownPlace = -1;
        this.want();
      },
      immediate: true,
    },
    at() {
      this.want();
    },
  },
  mounted() {
    this.keys = (event) => this.key(event);
    window.addEventListener("keydown", this.keys);
    this.observer = new ResizeObserver(() => {
      this.wide = this.$refs.root?.querySelector(".tl-axis")?.clientWidth || this.wide;
    });
    this.observer.observe(this.$refs.root);
  },
  unmounted() {
    window.removeEventListener("keydown", this.keys);
    this.observer.disconnect();
    this.playing = false;
  },
  methods: {
    number,
    seconds,
    frameOf(place) {
      return place * (this.figure ? this.figure.every : 1);
    },
    sceneAt(place) {
      const frame = this.frameOf(place);
      return this.figure.scenes.reduce((found, one) => (one.frame <= frame ? one.number : found), 1);
    },
    across(place) {
      return `calc(8px + (100% - 16px) * ${this.last ? place / this.last : 0})`;
    },
    // The place, which may lie between two frames, at t seconds.
    placeAt(t) {
      const { times } = this.figure;
      const after = times.findIndex((each) => each >= t);
      if (after <= 0) return after < 0 ? this.last : 0;
      const before = times[after - 1];
      return after - 1 + (t - before) / (times[after] - before || 1);
    },

    // ── what there is ──
    async fetch() {
      const { base, figure } = this.film;
      if (!base || !figure) return;
      const answer = await fetch(`${base}figure.json?v=${figure}`).catch(() => null);
      if (!answer?.ok || base !== this.film.base) return;
      const t = this.figure ? this.figure.times[this.at] : -Infinity;
      const found = await answer.json().catch(() => null);
      if (!found || base !== this.film.base) return;
      this.figure = Object.freeze(found); // so that Vue does not look at each number
      this.at = Math.min(this.last, Math.round(this.placeAt(t)));
      this.$nextTick(() => this.want());
    },
    want() {
      if (this.made) this.wish = Math.min(this.at, this.made - 1);
      if (this.made && !this.loading) this.load();
    },
    load() {
      const place = this.wish;
      const { base } = this.film;
      const address = `${base}${String(place).padStart(6, "0")}.jpg`;
      if (address === this.shown) {
        this.shownPlace = place;
        return;
      }
      this.loading = true;
      const image = new Image();
      const next = (there) => {
        this.loading = false;
        if (there && base === this.film.base) {
          this.shown = address;
          this.shownPlace = place;
        }
        if (base !== this.film.base || this.wish !== place) this.want();
      };
      image.onload = () => next(true);
      image.onerror = () => next(false);
      image.src = address;
    },

    // ── what hands and keys do ──
    seek(place) {
      this.at = Math.min(this.last, Math.max(0, Math.round(place)));
    },
    step(by) {
      this.playing = false;
      this.seek(this.at + by);
    },
    flip(key) {
      this.off = { ...this.off, [key]: !this.off[key] };
    },
    toggle() {
      this.playing = !this.playing;
      if (!this.playing) return;
      if (this.at >= this.last) this.at = 0;
      const pace = this.figure.rate / this.figure.every; // places in a second
      let from = this.at;
      let since = performance.now();
      const go = (now) => {
        if (!this.playing) return;
        let place = from + Math.floor(((now - since) / 1000) * pace);
        if (place > this.last && this.round) {
          [place, from, since] = [0, 0, now];
        }
        // What is not made yet is waited for.
        const end = this.film.stage === "done" ? this.last : Math.min(this.last, this.made - 1);
        if (place > end) [place, from, since] = [Math.max(0, end), Math.max(0, end), now];
        this.at = place;
        if (place >= this.last && !this.round) this.playing = false;
        else requestAnimationFrame(go);
      };
      requestAnimationFrame(go);
    },
    pointed(event) {
      const box = event.currentTarget.getBoundingClientRect();
      const share = (event.clientX - box.left - 8) / Math.max(1, box.width - 16);
      return Math.min(this.last, Math.max(0, Math.round(share * this.last)));
    },
    grab(event) {
      if (event.button) return;
      this.held = true;
      this.playing = false;
      event.currentTarget.setPointerCapture(event.pointerId);
      this.seek(this.pointed(event));
    },
    drag(event, panel) {
      const place = this.pointed(event);
      if (this.held) this.seek(place);
      this.hover = event.pointerType === "mouse" ? { place, panel: panel.title } : null;
    },
    release() {
      this.held = false;
    },
    key(event) {
      const { target } = event;
      const here = target === document.body || this.$refs.root?.contains(target);
      const plain = !event.ctrlKey && !event.metaKey && !event.altKey;
      if (!here || !plain || !this.figure) return;
      const leap = event.shiftKey ? LEAP : 1;
      if (event.key === "ArrowLeft") this.step(-leap);
      else if (event.key === "ArrowRight") this.step(leap);
      else if (event.key === "Home") this.step(-this.at);
      else if (event.key === "End") this.step(this.last - this.at);
      else if (event.key === " " && !target.closest("button, summary")) this.toggle();
      else return;
      event.preventDefault();
    },
  },
};
