import { readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { EventLog } from '../../src/events/event-log.js';
import type { RegistryService } from '../../src/registry/registry.service.js';
import { parseToml } from '../../src/registry/toml/toml.js';
import { TurnRecorder } from '../../src/sessions/turn-recorder.js';
import { TurnStore } from '../../src/sessions/turn-store.js';
import { StateDb } from '../../src/shared/db/state-db.js';
import { Kit } from './registry-kit.js';

const UP_TO = 'record.turns_seq';

describe(TurnRecorder.name, () => {
  let kit: Kit;
  let db: StateDb;
  let registry: RegistryService;
  let events: EventLog;
  let warnings: string[];
  const begin = async (): Promise<void> => {
    registry = await kit.open();
    db = new StateDb(join(kit.base, 'state.db'));
    events = new EventLog(db, kit.clock);
    const recorder = new TurnRecorder(db, events, registry);
    recorder.warn = (message) => warnings.push(message);
    await recorder.start();
  };
  /** As an end of Nox does; what `safepoint` said is stored. */
  const restart = async (): Promise<void> => {
    await registry.close();
    db.close();
    await begin();
  };
  beforeEach(async () => {
    warnings = [];
    kit = await Kit.make();
    await begin();
    await registry.record.ensureAgent('lead');
  });
  afterEach(async () => {
    await kit.remove();
    db.close();
  });

  const file = (): string => join(kit.root, `agents/lead/conversations/${kit.clock.iso().slice(0, 10)}.toml`);
  const endTurn = async (text: string, log = events): Promise<string> => {
    const turns = new TurnStore(db, log, kit.clock);
    const { id } = await turns.queue({
      agent_id: 'lead',
      prompt: `[[turns]]\n${text}`,
      source: 'user',
      actor: 'admin',
    });
    await turns.end(id, { status: 'complete', text, reason: null, usage: null });
    await registry.record.flush();
    return id;
  };
  const recorded = async (): Promise<string[]> => {
    const { turns } = parseToml(await readFile(file(), 'utf8')) as unknown as { turns: { turn_id: string }[] };
    return turns.map(({ turn_id }) => turn_id);
  };

  it('brings each turn into the record as it ends, and remembers how far it has come', async () => {
    const ids = [await endTurn('one'), await endTurn('two')];
    expect(await recorded()).toEqual(ids);
    await db.write(() => undefined);
    expect(Number(db.getMeta(UP_TO))).toBe(events.lastSeq());
    await restart();
    expect(await recorded()).toEqual(ids);
  });

  it('brings in at the next start what ended when nobody heard of it', async () => {
    const first = await endTurn('one');
    const unheard = await endTurn('two', new EventLog(db, kit.clock));
    const third = await endTurn('three');
    expect(await recorded()).toEqual([first, third]);
    // As after a crash: how far it had come was not stored later than the first.
    await db.setMeta(UP_TO, '3');
    await restart();
    expect(await recorded()).toEqual([first, third, unheard]);
    expect(warnings).toEqual([]);
  });

  /** Where the second of three entries may be torn: behind each of its lines, and within the next. */
  const cuts = async (from: number, to: number): Promise<number[]> => {
    const text = (await readFile(file(), 'utf8')).slice(from, to);
    const ends = [...text.matchAll(/\n/g)].map(({ index }) => index + 1);
    return [0, 20, ...ends, ...ends.map((end) => Math.min(end + 5, text.length))];
  };

  it('brings back what a loss of power took from the end of the file, wherever it was torn', async () => {
    const first = await endTurn('one');
    const { size } = await stat(file());
    const seq = db.getMeta(UP_TO) ?? '0';
    const second = await endTurn('two');
    const { size: end } = await stat(file());
    const third = await endTurn('three');
    const whole = await readFile(file(), 'utf8');
    const all = await cuts(size, end);
    expect(all.length).toBeGreaterThan(20);
    for (const cut of all) {
      await registry.close();
      await db.setMeta(UP_TO, seq);
      db.close();
      await writeFile(file(), whole);
      await truncate(file(), size + cut);
      await begin();
      expect({ cut, ids: await recorded() }).toEqual({ cut, ids: [first, second, third] });
      const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '');
      expect(lines(await readFile(file(), 'utf8'))).toEqual(lines(whole));
    }
  }, 60_000);

  it('regression: the first turns of a new journal were not owed to the record', async () => {
    const { id } = await new TurnStore(db, new EventLog(db, kit.clock), kit.clock).queue({
      agent_id: 'lead',
      prompt: '',
      source: 'user',
      actor: 'admin',
    });
    const end = { status: 'complete', text: '', reason: null, usage: null } as const;
    await new TurnStore(db, new EventLog(db, kit.clock), kit.clock).end(id, end);
    // As a kill: nothing is said of how far the record has come.
    registry.record.safepoint = () => () => undefined;
    await restart();
    expect(await recorded()).toEqual([id]);
  });

  it('regression: while git may not be written, what has ended was neither flushed nor counted', async () => {
    registry.record.guard = () => {
      throw new Error('damaged');
    };
    await expect(endTurn('one')).rejects.toThrow('damaged');
    await db.write(() => undefined);
    expect(Number(db.getMeta(UP_TO))).toBe(events.lastSeq());
    registry.record.guard = () => undefined;
  });

  it('owes a turn that the disk refused, and those behind it, until the next start', async () => {
    const first = await endTurn('one');
    const folder = join(kit.root, 'agents/lead/conversations');
    const kept = await readFile(file());
    await rm(folder, { recursive: true });
    await writeFile(folder, 'in the way');
    const second = await endTurn('two');
    expect(warnings).toEqual([expect.stringContaining('the next start makes up for it')]);
    await rm(folder);
    const third = await endTurn('three');
    expect(await recorded()).toEqual([third]);
    await restart();
    expect(await recorded()).toEqual([third, second]);
    expect(String(kept)).toContain(first);
  });

  it('begins with the turns from now on in a journal that never had a recorder', async () => {
    await registry.close();
    db.close();
    await rm(join(kit.base, 'state.db'));
    db = new StateDb(join(kit.base, 'state.db'));
    registry = await kit.open();
    await endTurn('before', new EventLog(db, kit.clock));
    expect(db.getMeta(UP_TO)).toBeUndefined();
    await restart();
    const after = await endTurn('after');
    expect(await recorded()).toEqual([after]);
  });
});
