/** A change of a file since its last flush: bytes at a place, or another size. */
type Change = { readonly at: number; readonly bytes: Buffer } | { readonly size: number };

const SECTOR = 512;

/** A file's bytes: what is on the disk for sure, and what was written since the last flush. */
export class FileBytes {
  private readonly durable = new Bytes();
  private pending: Change[] = [];

  write(at: number, bytes: Buffer): void {
    this.pending.push({ at, bytes });
  }

  resize(size: number): void {
    this.pending.push({ size });
  }

  flush(): void {
    for (const change of this.pending) this.durable.apply(change);
    this.pending = [];
  }

  /** What a loss of power might leave; without `random`, all of it. */
  left(random?: () => number): Buffer {
    if (this.pending.length === 0) return this.durable.whole;
    const fate = random?.() ?? 1;
    if (fate < 0.25) return this.durable.whole;
    const bytes = this.durable.copy();
    for (const change of this.pending) {
      if (random === undefined || fate > 0.75) bytes.apply(change);
      else if (!('size' in change)) tear(bytes, change.at, change.bytes, random);
      else if (random() < 0.5) bytes.apply(change);
    }
    return bytes.whole;
  }
}

/** Of each sector: it is there; or only the file has grown, with zeros; or nothing of it. */
function tear(into: Bytes, at: number, bytes: Buffer, random: () => number): void {
  for (let from = 0; from < bytes.length;) {
    const to = Math.min(bytes.length, from + SECTOR - ((at + from) % SECTOR));
    const fate = random();
    if (fate < 0.5) into.apply({ at: at + from, bytes: bytes.subarray(from, to) });
    else if (fate < 0.75) into.apply({ size: Math.max(into.length, at + to) });
    from = to;
  }
}

/** Bytes that grow without being copied each time. */
class Bytes {
  constructor(
    private room = Buffer.alloc(0),
    private used = 0,
  ) {}

  get length(): number {
    return this.used;
  }
  get whole(): Buffer {
    return this.room.subarray(0, this.used);
  }

  copy(): Bytes {
    return new Bytes(Buffer.from(this.whole), this.used);
  }

  apply(change: Change): void {
    if ('size' in change) {
      this.reserve(change.size);
      if (change.size < this.used) this.room.fill(0, change.size, this.used);
      this.used = change.size;
    } else {
      const end = change.at + change.bytes.length;
      this.reserve(end);
      change.bytes.copy(this.room, change.at);
      this.used = Math.max(this.used, end);
    }
  }

  private reserve(size: number): void {
    if (size <= this.room.length) return;
    const larger = Buffer.alloc(Math.max(size, this.room.length * 2));
    this.room.copy(larger, 0, 0, this.used);
    this.room = larger;
  }
}
