import { execFileSync } from 'node:child_process';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { fakeAgent } from '../fake-agent.js';
import { NoxServer } from '../nox-server.js';
import { eventually } from '../wait.js';
import type { PowerLog } from './power-log.js';
import { BY_HAND, type Held, REGISTRY, sha256Of } from './promises.js';

const DAY_MS = 86_400_000;

export interface PowerDay {
  readonly log: PowerLog;
  readonly rounds: number;
  readonly agents: string;
  readonly twin: string;
}

/** A Nox that does everything that it answers for, while all that it changes on its disk is written down. */
export class PowerScene {
  private n = 0;
  /** Ends the reading of events of the life that is over. */
  private listening = new AbortController();

  private constructor(
    private readonly log: PowerLog,
    private readonly nox: NoxServer,
  ) {}

  /**
   * Plays so many rounds of everything, with a kill -9 or an orderly restart between them. `agents` gets their transcripts,
   * which are none of Nox's, and `twin` a copy of the disk as it is in the end.
   */
  static async play({ log, rounds, agents, twin }: PowerDay): Promise<void> {
    const places = {
      NOX_HOME: join(log.root, 'nox'),
      NOX_REGISTRY_PATH: join(log.root, REGISTRY),
      FAKE_AGENT_HOME: agents,
    };
    const path = [log.bin, join(import.meta.dirname, '../../../node_modules/.bin'), process.env['PATH'] ?? ''].join(
      ':',
    );
    const env = { ...log.env, ...places, PATH: path, NOX_LOG_LEVEL: 'error' };
    await using nox = await NoxServer.start({ env });
    const scene = new PowerScene(log, nox);
    await scene.begin();
    for (let round = 0; round < rounds; round += 1) {
      await scene.round();
      if (round === rounds - 1) break;
      if (round % 2 === 0) await scene.during('kill -9 and start', () => scene.killInTheMiddle());
      else await scene.during('end and start', () => nox.restart('SIGTERM'));
      scene.listen();
    }
    scene.listening.abort();
    await nox.kill('SIGTERM');
    cpSync(log.root, twin, { recursive: true });
  }

  private async begin(): Promise<void> {
    this.listen();
    await this.intent(() => this.nox.call('agents_create', { body: fakeAgent('worker') }));
    await this.intent(() => this.nox.call('agents_create', { body: fakeAgent('sleeper', false) }));
    this.hold('jwt', {
      kind: 'file',
      path: 'nox/jwt-secret',
      is: 'there',
      sha256: sha256Of(this.path('nox/jwt-secret')),
    });
  }

  private async round(): Promise<void> {
    const { nox } = this;
    await this.during('messages, turns, approvals', () => this.flow());
    await this.during('branches, tags, rollback', () => this.refs());
    await this.during(BY_HAND, () => this.handEdit());
    await this.during('emergency stop', () => this.emergency());
    await this.during('bundle and backup', () => this.copies());
    await this.during('gc', () => nox.call('registry_gc'));
    await nox.advance(3 * DAY_MS);
    await this.turn();
    await this.during('prune', () => nox.call('registry_prune', { body: { days: 1, confirm: true } }));
    await this.intent(() => this.rename());
  }

  /** What the journal keeps. */
  private async flow(): Promise<void> {
    const { nox } = this;
    const name = this.fresh('user');
    await nox.call('users_create', { body: { username: name, password: 'a long password', role: 'viewer' } });
    this.row(`user ${name}`, 'SELECT role FROM users WHERE username = ?', [name], { role: 'viewer' });
    const client = await nox.call('clients_create', { body: { name: this.fresh('client') } });
    this.row(`client ${client.name}`, 'SELECT count(*) AS n FROM clients WHERE name = ?', [client.name], { n: 1 });
    await Promise.all(Array.from({ length: 8 }, () => this.message()));
    await Promise.all([this.turn(), this.intent(() => this.rename()), this.message()]);
    await this.approval();
    await this.task();
  }

  private async message(): Promise<void> {
    const to = this.n % 2 === 0 ? 'worker' : 'sleeper';
    const { id } = await this.nox.call('messages_send', { body: { to, content: `say ${this.fresh('m')}` } });
    this.row(id, 'SELECT count(*) AS n FROM messages WHERE id = ?', [id], { n: 1 });
  }

  private async turn(): Promise<void> {
    const word = this.fresh('word');
    const params = { id: 'worker' };
    const queued = await this.nox.call('agents_prompt', { params, body: { content: 'say early', wait: false } });
    this.row(queued.turn_id, 'SELECT count(*) AS n FROM turns WHERE id = ?', [queued.turn_id], { n: 1 });
    const { turn_id } = await this.nox.call('agents_prompt', { params, body: { content: `say ${word}`, wait: true } });
    this.row(`end of ${turn_id}`, 'SELECT status, text FROM turns WHERE id = ?', [turn_id], {
      status: 'complete',
      text: word,
    });
  }

  private async approval(): Promise<void> {
    const { nox } = this;
    const content = `tool Bash {"command":"echo ran >> power.txt"}\nsay done`;
    const turn = nox.call('agents_prompt', { params: { id: 'worker' }, body: { content, wait: true } });
    const { id } = await eventually(
      'a request',
      async () => (await nox.call('approvals_list', { query: { status: 'pending' } })).approvals[0],
    );
    this.row(`request ${id}`, 'SELECT count(*) AS n FROM approvals WHERE id = ?', [id], { n: 1 });
    await nox.call('approvals_approve', { params: { id } });
    this.row(id, 'SELECT status FROM approvals WHERE id = ?', [id], { status: 'approved' });
    this.row(`ledger of ${id}`, 'SELECT count(*) > 0 AS n FROM ledger WHERE approval_id = ?', [id], { n: 1 });
    await turn;
  }

  private async task(): Promise<void> {
    const body = { agent_id: 'sleeper', title: this.fresh('task'), description: '', priority: 'low' } as const;
    const { id } = await this.nox.call('tasks_create', { body });
    this.hold(`file of ${id}`, { kind: 'text', path: `${REGISTRY}/tasks/sleeper.md`, text: body.title });
    this.row(`task ${id}`, 'SELECT count(*) AS n FROM tasks WHERE id = ?', [id], { n: 1 });
  }

  /** Branches, tags, a merge, a rollback: what git's own processes write. */
  private async refs(): Promise<void> {
    const { nox } = this;
    const [branch, tag] = [this.fresh('try-'), this.fresh('tag-')];
    const made = await nox.call('registry_branch_create', { body: { name: branch } });
    this.ref(`refs/heads/${branch}`, made.head);
    const point = await nox.call('registry_tag_create', { body: { name: tag, message: 'kept' } });
    this.hold(`tag ${tag}`, { kind: 'commit', hash: point.commit_hash });
    const params = { name: branch };
    this.hold(`refs/heads/${branch}`);
    await nox.call('registry_branch_switch', { params, body: { confirm: true } });
    await this.intent(() => this.rename());
    await nox.call('registry_branch_switch', { params: { name: 'main' }, body: { confirm: true } });
    await this.intent(() => nox.call('registry_branch_merge', { params, body: { confirm: true, prefer: 'theirs' } }));
    await nox.call('registry_branch_delete', { params });
    this.ref(`refs/heads/${branch}`, null);
    await this.intent(() => nox.call('registry_rollback', { body: { tag, confirm: true } }));
    await this.intent(() => nox.call('registry_undo', { body: { confirm: true } }));
  }

  /** An edit by hand, which nobody flushes. */
  private async handEdit(): Promise<void> {
    const path = this.path(`${REGISTRY}/agents.toml`);
    const before = this.head();
    const edit = ['-c', 'printf "\\n# %s\\n" "$1" >> "$2"', 'sh', this.fresh('by hand '), path];
    execFileSync('sh', edit, { env: { ...process.env, ...this.log.env } });
    const hash = await eventually('the edit is a commit', () => this.head() !== before && this.head());
    await eventually(
      'the commit is told',
      async () => (await this.nox.call('registry_history')).commits[0]?.hash === hash,
    );
    this.hold(hash, { kind: 'commit', hash });
  }

  private async emergency(): Promise<void> {
    const path = 'nox/emergency-stop';
    this.hold(path);
    await this.nox.call('system_emergency_stop', { body: { reason: 'a test' } });
    this.hold(path, { kind: 'file', path, is: 'there' });
    this.hold(path);
    await this.nox.call('system_emergency_clear');
    this.hold(path, { kind: 'file', path, is: 'gone' });
    await eventually(
      'the worker is back',
      async () => (await this.nox.call('agents_status', { params: { id: 'worker' } })).status === 'idle',
    );
  }

  private async copies(): Promise<void> {
    const { nox } = this;
    await nox.call('registry_verify');
    this.hold('bundle', { kind: 'file', path: 'nox/registry.bundle', is: 'there' });
    this.hold('backup');
    const { name, sha256 } = await nox.call('system_backup');
    this.hold('backup', { kind: 'file', path: `nox/backups/${name}`, is: 'there', sha256 });
  }

  private async killInTheMiddle(): Promise<void> {
    const work = [this.message(), this.intent(() => this.rename()), this.message()].map((one) =>
      one.catch(() => undefined),
    );
    await work[0];
    await this.nox.kill('SIGKILL');
    await Promise.all(work);
    await this.nox.boot();
  }

  /** Says in the log what is going on, so that losses of power can be counted by it. */
  private async during(what: string, work: () => Promise<unknown>): Promise<void> {
    this.log.mark({ during: what });
    await work();
    this.log.mark({ during: 'else' });
  }

  private rename(): Promise<unknown> {
    return this.nox.call('agents_update', { params: { id: 'worker' }, body: { name: this.fresh('Worker ') } });
  }

  /** A change that is answered when it is committed. Only one at a time: what HEAD is then is this one. */
  private async intent(change: () => Promise<unknown>): Promise<void> {
    await change();
    const hash = this.head();
    this.hold(hash, { kind: 'commit', hash });
  }

  private head(): string {
    return execFileSync('git', ['-C', this.path(REGISTRY), 'rev-parse', 'HEAD'], { encoding: 'utf8' }).trim();
  }

  private ref(ref: string, hash: string | null): void {
    this.hold(ref, { kind: 'ref', ref, hash });
  }

  private row(key: string, sql: string, args: readonly (string | number)[], row: object): void {
    this.hold(key, { kind: 'row', sql, args, row });
  }

  private hold(key: string, held?: Held): void {
    this.log.mark({ key, ...(held === undefined ? {} : { held }) });
  }

  private path(below: string): string {
    return join(this.log.root, below);
  }

  private fresh(word: string): string {
    return `${word}${(this.n += 1)}`;
  }

  /** Whoever was told of an event must find it again. */
  private listen(): void {
    this.listening.abort();
    this.listening = new AbortController();
    const { signal } = this.listening;
    const listen = async (): Promise<void> => {
      for await (const event of this.nox.events({ signal })) {
        // Deltas are dropped when their turn ends.
        if (event.type !== 'turn.text_delta')
          this.row(`event ${event.seq}`, 'SELECT type FROM events WHERE seq = ?', [event.seq], { type: event.type });
      }
    };
    // It ends with each life.
    listen().catch(() => undefined);
  }
}
