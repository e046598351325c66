import type { RemoteStatus } from '../../contracts/registry.js';
import type { Clock } from '../../shared/clock.js';
import { failpoint } from '../../shared/failpoint.js';
import { messageOf } from '../../shared/nox-error.js';
import type { PushOutcome, PushRequest } from './git-push.js';

/** What is set about the remote at this moment. */
export interface RemoteSettings {
  readonly remote: string;
  readonly push_every_s: number;
  readonly push_timeout_s: number;
  readonly remote_user: string;
  readonly remote_token: string;
}

export interface RemotePorts {
  readonly root: string;
  readonly clock: Clock;
  settings(): RemoteSettings;
  /** All refs with where they point, as one text: when it has changed there is something to push. */
  refs(): Promise<string>;
  push(request: PushRequest): Promise<PushOutcome>;
  /** The value of `env:NAME` or `file:name`. */
  secret(reference: string): Promise<string>;
  /** Hears of every state that stays a while: all but `pushing`. */
  settled(status: RemoteStatus): void;
}

const MAX_WAIT_MS = 3_600_000;
const NO_REMOTE = 'No remote is set: nox registry remote set URL';

/**
 * A copy of the registry on a remote, brought up in the background: never by force, and no write waits for it. What fails
 * is tried again, ever more rarely, at most once an hour.
 */
export class RemoteBackup {
  private state: RemoteStatus['state'] = 'off';
  private detail = NO_REMOTE;
  private last_push_at: string | null = null;
  private next_try_at: string | null = null;
  private failures = 0;
  private pushed: { readonly remote: string; readonly refs: string } | undefined;
  private running: Promise<RemoteStatus> | undefined;
  private told = `off ${NO_REMOTE}`;
  private started = false;
  private cancel: () => void = () => undefined;
  private readonly abort = new AbortController();

  constructor(private readonly ports: RemotePorts) {}

  /** Pushes soon, and then whenever something is new. */
  start(): void {
    this.started = true;
    this.plan(0);
  }

  /** For a commit: without waiting. A change of the address is taken up at once. */
  moved(settings_changed: boolean): void {
    if (!this.started) return;
    if (this.ports.settings().remote === '') this.become('off', NO_REMOTE);
    else if (this.state === 'ok') this.become('behind', 'There are commits to push.');
    if (settings_changed) {
      this.failures = 0;
      this.plan(0);
    }
  }

  status(): RemoteStatus {
    const { remote } = this.ports.settings();
    const { state, detail, last_push_at, next_try_at, failures } = this;
    return { state, url: remote === '' ? null : remote, detail, last_push_at, next_try_at, failures };
  }

  /** Pushes now and answers how it went. */
  push(): Promise<RemoteStatus> {
    this.running ??= this.once().finally(() => {
      this.running = undefined;
    });
    return this.running;
  }

  async stop(): Promise<void> {
    this.cancel();
    this.abort.abort();
    await this.running;
  }

  private plan(wait_ms: number): void {
    this.cancel();
    if (this.abort.signal.aborted || !this.started) return;
    if (this.ports.settings().remote === '') return this.become('off', NO_REMOTE);
    const { clock } = this.ports;
    this.next_try_at = clock.iso(clock.now() + wait_ms);
    this.cancel = clock.after(wait_ms, () => void this.push());
  }

  private async once(): Promise<RemoteStatus> {
    const { remote, push_every_s, push_timeout_s, remote_user: username, remote_token } = this.ports.settings();
    if (remote === '') {
      this.become('off', NO_REMOTE);
      return this.status();
    }
    const outcome = await this.attempt(remote, username, remote_token, push_timeout_s).catch(
      (error: unknown): PushOutcome => ({ outcome: 'failed', reason: messageOf(error) }),
    );
    if (outcome.outcome === 'aborted') return this.status();
    this.failures = outcome.outcome === 'ok' ? 0 : this.failures + 1;
    this.plan(
      Math.min(push_every_s * 1000 * 2 ** Math.min(this.failures, 12), Math.max(MAX_WAIT_MS, push_every_s * 1000)),
    );
    if (outcome.outcome === 'ok') this.become('ok', 'Everything is on the remote.');
    else this.become(outcome.outcome, outcome.reason);
    return this.status();
  }

  private async attempt(remote: string, username: string, reference: string, timeout_s: number): Promise<PushOutcome> {
    const refs = await this.ports.refs();
    if (this.pushed?.remote === remote && this.pushed.refs === refs) return { outcome: 'ok' };
    this.become('pushing', 'Pushing.');
    const token = reference === '' ? undefined : await this.ports.secret(reference);
    const { root } = this.ports;
    const request = { root, url: remote, username, token, timeout_ms: timeout_s * 1000, signal: this.abort.signal };
    const outcome = await this.ports.push(request);
    await failpoint('push.ended');
    if (outcome.outcome === 'ok') {
      this.pushed = { remote, refs };
      this.last_push_at = this.ports.clock.iso();
    }
    return outcome;
  }

  private become(state: RemoteStatus['state'], detail: string): void {
    this.state = state;
    this.detail = detail;
    if (state === 'off') this.next_try_at = null;
    // Between pushes it is behind and ok in turns, which is no news.
    if (state === 'pushing' || state === 'behind') return;
    const told = `${state} ${detail}`;
    if (told === this.told) return;
    this.told = told;
    this.ports.settled(this.status());
  }
}
