/** Of each end of a long output. */
const KEPT_BYTES = 16 * 1024;

/** The beginning and the end of an output, however long it is. */
export class Ends {
  private head = Buffer.alloc(0);
  private tail = Buffer.alloc(0);
  private left_out = 0;

  add(chunk: Buffer): void {
    const room = KEPT_BYTES - this.head.length;
    if (room > 0) this.head = Buffer.concat([this.head, chunk.subarray(0, room)]);
    const rest = chunk.subarray(Math.max(0, room));
    if (rest.length === 0) return;
    const all = Buffer.concat([this.tail, rest]);
    this.left_out += Math.max(0, all.length - KEPT_BYTES);
    this.tail = Buffer.from(all.subarray(-KEPT_BYTES));
  }

  /** Where it was cut, what may be a part of a secret is left out, too: nobody could tell it from other text any more. */
  text(secrets: Readonly<Record<string, string>>): string {
    const values = Object.values(secrets);
    let [head, tail] = [this.head.toString('utf8'), this.tail.toString('utf8')];
    let gap = '';
    if (this.left_out > 0) {
      const begun = longest(values, (value, length) => head.endsWith(value.slice(0, length)));
      const ended = longest(values, (value, length) => tail.startsWith(value.slice(-length)));
      head = head.slice(0, head.length - begun);
      tail = tail.slice(ended);
      gap = `\n… ${this.left_out + begun + ended} bytes left out …\n`;
    }
    return `${head}${gap}${tail}`.replaceAll('\u0000', '\ufffd');
  }
}

/** The length of the longest part of a value that is found. */
function longest(values: readonly string[], found: (value: string, length: number) => boolean): number {
  const lengths = values.map((value) => {
    let length = Math.max(0, value.length - 1);
    while (length > 0 && !found(value, length)) length -= 1;
    return length;
  });
  return Math.max(0, ...lengths);
}
