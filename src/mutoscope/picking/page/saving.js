// Saving: one request after the other, each with the revision that the one before it gave.

export class Saving {
  // told(kind, answer): "saving", "saved" with the answer, "stale" or "failed" with a message.
  constructor(told) {
    this.told = told;
    this.revision = 0;
    this.waiting = 0;
    this.chain = Promise.resolve();
    this.broken = false;
  }

  // content() is what is sent beside the revision.
  post(path, content = () => ({})) {
    this.waiting += 1;
    this.told("saving");
    this.chain = this.chain.then(() => this.send(path, content));
    return this.chain;
  }

  async send(path, content) {
    // What was made from something that is no more must not be sent after it.
    const sent = this.broken
      ? { kind: "" }
      : await ask(path, { ...content(), revision: this.revision }).then(
          (answer) => ({ kind: "saved", answer }),
          (error) => ({ kind: error.status === 409 ? "stale" : "failed", answer: error.message }),
        );
    this.waiting -= 1;
    if (sent.kind === "saved") this.revision = sent.answer.revision;
    if (sent.kind === "stale") this.broken = true;
    if (sent.kind) this.told(sent.kind, sent.answer);
  }

  // Begin anew from what the server says there is.
  restart(revision) {
    this.revision = revision;
    this.broken = false;
  }
}

export async function ask(path, content) {
  let answer;
  try {
    answer = await fetch(path, content === undefined ? {} : {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(content),
    });
  } catch {
    throw new Error("the program does not answer; is it still running in the terminal?");
  }
  const data = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(data.error), { status: answer.status });
  return data;
}
