/** An audience: all members that listen to the same rooms. */
export interface Audience<M> {
  readonly id: string;
  readonly rooms: ReadonlySet<string>;
  readonly members: ReadonlySet<M>;
}

interface OpenAudience<M, E> extends Audience<M> {
  readonly members: Set<M>;
  batch: E[];
}

/**
 * Sorts events to audiences, so that what many members listen to is encoded once for all of them. Offered events wait
 * until `flush`; a member that joins or changes rooms never gets an event that was offered before.
 */
export class Fanout<M extends object, E> {
  private readonly audiences = new Map<string, OpenAudience<M, E>>();
  private readonly places = new Map<M, OpenAudience<M, E>>();
  private count = 0;

  constructor(
    private readonly roomsOf: (event: E) => readonly string[],
    private readonly deliver: (audience: Audience<M>, events: readonly E[]) => void,
  ) {}

  /** Puts a member among those that listen to exactly these rooms, instead of where it was. */
  join(member: M, rooms: Iterable<string>): Audience<M> {
    this.leave(member);
    const sorted = [...new Set(rooms)].sort();
    const key = sorted.join(' ');
    let audience = this.audiences.get(key);
    if (audience === undefined) {
      this.count += 1;
      audience = { id: `audience-${this.count}`, rooms: new Set(sorted), members: new Set(), batch: [] };
      this.audiences.set(key, audience);
    }
    audience.members.add(member);
    this.places.set(member, audience);
    return audience;
  }

  /** Takes a member out; what was offered before it left is delivered first. */
  leave(member: M): void {
    this.flush();
    const audience = this.places.get(member);
    if (audience === undefined) return;
    this.places.delete(member);
    audience.members.delete(member);
    if (audience.members.size > 0) return;
    for (const [key, one] of this.audiences) if (one === audience) this.audiences.delete(key);
  }

  audienceOf(member: M): Audience<M> | undefined {
    return this.places.get(member);
  }

  /** Whether anybody listens to it. */
  offer(event: E): boolean {
    const rooms = this.roomsOf(event);
    let wanted = false;
    for (const audience of this.audiences.values()) {
      if (!rooms.some((room) => audience.rooms.has(room))) continue;
      audience.batch.push(event);
      wanted = true;
    }
    return wanted;
  }

  flush(): void {
    for (const audience of this.audiences.values()) {
      if (audience.batch.length === 0) continue;
      const events = audience.batch;
      audience.batch = [];
      this.deliver(audience, events);
    }
  }
}
