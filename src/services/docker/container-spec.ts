import type { ContainerCreateOptions } from 'dockerode';
import { isDeepStrictEqual } from 'node:util';
import type { ServiceConfig } from '../../contracts/service.js';
import { SECCOMP } from './seccomp.js';

/** Labels by which Nox finds its own containers again; `nox.registry` tells one Nox on a machine from another. */
export const LABELS = {
  service: 'nox.service',
  registry: 'nox.registry',
  config: 'nox.config',
  holder: 'nox.holder',
} as const;

/** Owns nothing on the host. */
const NOBODY = 65_534;

export interface SpecInput {
  readonly name: string;
  readonly config: ServiceConfig;
  /** Which Nox: a hash of the registry's folder. */
  readonly registry_id: string;
  readonly config_hash: string;
  /** The agent that has it for itself; undefined when it is shared. */
  readonly holder: string | undefined;
  /** Name of the network it joins; undefined: none. */
  readonly network: string | undefined;
  /** Secrets are resolved already; they go to the engine only. */
  readonly env: Readonly<Record<string, string>>;
}

export const containerName = (registry_id: string, name: string, holder: string | undefined): string =>
  ['nox', registry_id, name, ...(holder === undefined ? [] : [holder])].join('-');

/**
 * The container of a service, confined: no capability, no new privileges, read-only root, an own user if the image names
 * none, limits on memory, processor and processes, no log on the disk beyond 2 MB, nothing of the host mounted. Pure.
 */
export function containerSpec(input: SpecInput): ContainerCreateOptions & { name: string } {
  const { name, config, registry_id, config_hash, holder, network, env } = input;
  const { memory_mb, cpus, pids } = config.limits;
  const memory = memory_mb * 1_048_576;
  const stdio = config.transport === 'stdio';
  return {
    name: containerName(registry_id, name, holder),
    Image: config.image ?? '',
    ...(config.args.length > 0 ? { Cmd: [...config.args] } : {}),
    Env: Object.entries(env).map(([key, value]) => `${key}=${value}`),
    Labels: {
      [LABELS.service]: name,
      [LABELS.registry]: registry_id,
      [LABELS.config]: config_hash,
      ...(holder === undefined ? {} : { [LABELS.holder]: holder }),
    },
    // Root in a container without capabilities is still root for files of the host's kernel.
    User: `${NOBODY}:${NOBODY}`,
    WorkingDir: '/tmp',
    OpenStdin: stdio,
    // The server must not end because Nox did: another Nox attaches to it again.
    StdinOnce: false,
    AttachStdin: stdio,
    AttachStdout: stdio,
    AttachStderr: stdio,
    Tty: false,
    HostConfig: {
      NetworkMode: network ?? 'none',
      // The engine's own resolver would carry queries, and what is hidden in them, out of an internal network.
      Dns: ['127.0.0.1'],
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges', `seccomp=${SECCOMP}`],
      ReadonlyRootfs: true,
      // The owner is named because the engine gives it the mode that the image's own folder has, whatever `mode` says.
      Tmpfs: { '/tmp': `rw,noexec,nosuid,nodev,size=64m,mode=1777,uid=${NOBODY},gid=${NOBODY}` },
      Memory: memory,
      MemorySwap: memory,
      NanoCpus: Math.round(cpus * 1e9),
      PidsLimit: pids,
      Init: true,
      Privileged: false,
      Binds: [],
      IpcMode: 'private',
      RestartPolicy: { Name: 'no' },
      LogConfig: { Type: 'json-file', Config: { 'max-size': '1m', 'max-file': '2' } },
    },
  };
}

/** The part of `docker inspect` that says how a container is confined. */
export interface Inspected {
  readonly Config: { readonly User: string; readonly Image: string };
  readonly HostConfig: {
    readonly CapDrop?: readonly string[] | null | undefined;
    readonly CapAdd?: readonly string[] | null | undefined;
    readonly SecurityOpt?: readonly string[] | null | undefined;
    readonly ReadonlyRootfs?: boolean | undefined;
    readonly Memory?: number | undefined;
    readonly MemorySwap?: number | undefined;
    readonly NanoCpus?: number | undefined;
    readonly PidsLimit?: number | null | undefined;
    readonly Privileged?: boolean | undefined;
    readonly Binds?: readonly string[] | null | undefined;
    readonly NetworkMode?: string | undefined;
    readonly Dns?: readonly string[] | null | undefined;
    readonly PidMode?: string | undefined;
    readonly IpcMode?: string | undefined;
    readonly Devices?: readonly unknown[] | null | undefined;
  };
  readonly Mounts?: readonly { readonly Type?: string }[];
}

/**
 * In what a container is confined less than the specification says; empty when in nothing. What somebody else made or
 * changed is not trusted because it bears a label. Pure.
 */
export function looseness(found: Inspected, spec: ContainerCreateOptions): string[] {
  const { HostConfig: has } = found;
  const wants = spec.HostConfig ?? {};
  const list = (value: readonly unknown[] | null | undefined): readonly unknown[] => value ?? [];
  const sameList = (one?: readonly unknown[] | null, other?: readonly unknown[] | null): boolean =>
    isDeepStrictEqual(new Set(list(one)), new Set(list(other)));
  const faults: [boolean, string][] = [
    [!list(has.CapDrop).includes('ALL'), 'capabilities are not dropped'],
    [list(has.CapAdd).length > 0, 'capabilities are added'],
    [!sameList(has.SecurityOpt, wants.SecurityOpt), 'new privileges or system calls are allowed'],
    [has.ReadonlyRootfs !== true, 'the root file system can be written'],
    [has.Memory !== wants.Memory || has.MemorySwap !== wants.MemorySwap, 'the memory limit differs'],
    [has.NanoCpus !== wants.NanoCpus, 'the processor limit differs'],
    [has.PidsLimit !== wants.PidsLimit, 'the process limit differs'],
    [has.Privileged === true, 'it is privileged'],
    [list(has.Binds).length > 0, 'folders of the host are mounted'],
    [list(found.Mounts).some((mount) => (mount as { Type?: string }).Type !== 'tmpfs'), 'something is mounted'],
    [list(has.Devices).length > 0, 'devices are given to it'],
    [has.NetworkMode !== wants.NetworkMode, 'its network differs'],
    [!sameList(has.Dns, wants.Dns), 'it asks another resolver'],
    [has.PidMode === 'host' || has.IpcMode === 'host', 'it shares namespaces with the host'],
    [found.Config.User !== spec.User, 'its user differs'],
  ];
  return faults.filter(([loose]) => loose).map(([, fault]) => fault);
}
