// The page's side of the worker: a question, and a promise of its answer.

export class Client {
  constructor(script) {
    const url = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
    this.worker = new Worker(url);
    this.waiting = new Map();
    this.asked = 0;
    this.latest = {};
    this.worker.onmessage = ({ data: { id, result, error } }) => {
      const { resolve, reject } = this.waiting.get(id);
      this.waiting.delete(id);
      if (error === undefined) resolve(result);
      else reject(new Error(error));
    };
  }

  ask(method, ...args) {
    const id = this.asked++;
    this.worker.postMessage({ id, method, args });
    return new Promise((resolve, reject) => this.waiting.set(id, { resolve, reject }));
  }

  // For questions that come faster than answers: while one is being answered, only the
  // newest of those behind it waits; the others are answered with undefined.
  async askNewest(method, ...args) {
    const line = (this.latest[method] = this.latest[method] || { busy: null, next: 0 });
    const mine = ++line.next;
    if (line.busy) await line.busy.catch(() => {});
    if (mine !== line.next) return undefined;
    line.busy = this.ask(method, ...args);
    const result = await line.busy;
    line.busy = null;
    return result;
  }
}
