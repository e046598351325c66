import type { AgentConfig, ProfileGuard } from '../contracts/agent.js';
import type { Confine, Confinement } from './process/process-host.js';

type Profiled = Pick<AgentConfig, 'permissions' | 'runtime'>;

/**
 * The part of a profile that the operating system can keep: a workspace that is read-only, no network. The Claude CLI
 * speaks to its model over the network itself, so it cannot be without; for it Nox's gate alone keeps that part.
 */
export function confinedTo({ permissions, runtime }: Profiled, confine: Confine, workspace: string): Confine {
  if (permissions === undefined) return confine;
  return {
    ...confine,
    ...(permissions.filesystem === 'rw' ? {} : { read_only: [...confine.read_only, workspace] }),
    ...(permissions.network === 'none' && runtime === 'command' ? { no_network: true } : {}),
  };
}

/** By what a profile is kept on this machine, without a better word than the truth. */
export function profileGuard({ permissions, runtime }: Profiled, rung: Confinement): ProfileGuard | undefined {
  if (permissions === undefined) return undefined;
  const namespaces = rung === 'pid-namespace';
  const filesystem = namespaces && permissions.filesystem !== 'rw' ? 'os' : 'gate';
  const network = namespaces && permissions.network === 'none' && runtime === 'command' ? 'os' : 'gate';
  const detail = [
    'Nox refuses every tool call that the permissions forbid, whatever rules or people allow.',
    ...(permissions.filesystem === 'rw'
      ? []
      : filesystem === 'os'
        ? ['The workspace is mounted read-only for all its processes.']
        : ['This machine allows no mount namespaces, so nothing but the refusal keeps its processes from writing.']),
    ...(permissions.network === 'full'
      ? []
      : network === 'os'
        ? ['Its processes have no network.']
        : permissions.network === 'limited'
          ? ['Hosts are known from the calls alone: a program that is let run can reach others.']
          : [
              runtime === 'claude'
                ? 'The CLI reaches its model over the network, so its processes have one; no command is let run that may use it.'
                : 'This machine allows no namespaces, so nothing but the refusal keeps its processes from the network.',
            ]),
  ].join(' ');
  return { filesystem, network, detail };
}
