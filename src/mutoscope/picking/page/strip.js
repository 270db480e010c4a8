// The strip: a button for each page, with its thumbnail and how many places it has.

export class Strip {
  constructor(list, turnTo) {
    this.list = list;
    this.turnTo = turnTo; // is called with the number of the page whose button was pressed
    // Thumbnails come when they are scrolled to, one by one: a page may have to be decoded for its
    // own, and the board's tiles must not wait behind them.
    this.waiting = [];
    this.fetching = false;
    this.seen = new IntersectionObserver((entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting) continue;
        this.seen.unobserve(target);
        this.waiting.push(target);
      }
      this.fetch();
    }, { root: list, rootMargin: "300px" });
  }

  fetch() {
    const picture = this.fetching ? null : this.waiting.shift();
    if (!picture) return;
    this.fetching = true;
    picture.onload = picture.onerror = () => {
      this.fetching = false;
      this.fetch();
    };
    picture.src = picture.dataset.from;
  }

  show(pages) {
    this.seen.disconnect();
    this.waiting.length = 0;
    this.list.replaceChildren(...pages.map((page, number) => this.button(page, number)));
    this.count(pages);
  }

  button(page, number) {
    const button = document.createElement("button");
    const picture = document.createElement("img");
    picture.alt = "";
    picture.dataset.from = `/pages/${number}/thumbnail?${page.version}`;
    this.seen.observe(picture);
    const name = document.createElement("span");
    name.textContent = page.name;
    button.append(picture, name, document.createElement("b"));
    button.addEventListener("click", () => this.turnTo(number));
    return button;
  }

  count(pages) {
    [...this.list.children].forEach((button, number) => {
      const found = pages[number].places.length;
      button.lastChild.textContent = found;
      const places = found === 1 ? "1 place" : `${found} places`;
      button.setAttribute("aria-label", `Page ${pages[number].name}, ${places}`);
    });
  }

  mark(number) {
    [...this.list.children].forEach((button, index) => {
      if (index === number) {
        button.setAttribute("aria-current", "page");
        button.scrollIntoView({ block: "nearest", inline: "nearest" });
      } else {
        button.removeAttribute("aria-current");
      }
    });
  }
}
