import { WORKERS, between, seconds, type FaultKind, type Target } from '../fault.ts';

const group = 'kills';

/** kill -9 of a process that the supervisor starts again. */
export function killOf(name: string, share = 1): FaultKind {
  return {
    name: `kill -9 of ${name.replace(/-\d$/, '')}`,
    group,
    share,
    draw: () => ({
      what: `kill -9 of ${name}`,
      run: ({ stack }) => stack.signal(name, 'SIGKILL'),
    }),
  };
}

function terminationOf(name: string): FaultKind {
  return {
    name: 'SIGTERM of worker',
    group,
    share: 1,
    draw: () => ({ what: `SIGTERM of ${name}`, run: ({ stack }) => stack.signal(name, 'SIGTERM') }),
  };
}

/** A process that comes back from the dead, with locks that others have taken meanwhile. */
function freezeOf(name: string): FaultKind {
  return {
    name: 'SIGSTOP of worker',
    group,
    share: 2,
    draw: (random) => {
      const ms = between(random, 1, 10);
      return {
        what: `${name} is stopped for ${seconds(ms)}`,
        forMs: ms,
        run: async ({ stack }, pause) => {
          const pid = stack.pid(name);
          if (!stack.signal(name, 'SIGSTOP')) return false;
          await pause(ms);
          // Another one may run under the name by now; it was not stopped.
          if (stack.pid(name) === pid) stack.signal(name, 'SIGCONT');
          return true;
        },
      };
    },
  };
}

const supervisor: FaultKind = {
  name: 'kill -9 of the supervisor',
  group,
  share: 1,
  draw: () => ({
    what: 'kill -9 of the supervisor (started again after a second)',
    run: ({ stack }) => stack.killSupervisor(),
  }),
};

export const WORKER_TARGETS: readonly Target[] = WORKERS.map((name) => ({
  name,
  everyS: 30,
  kinds: [killOf(name, 2), terminationOf(name), freezeOf(name)],
}));

export const DASHBOARD: Target = { name: 'dashboard', everyS: 80, kinds: [killOf('dashboard')] };
export const SUPERVISOR: Target = { name: 'supervisor', everyS: 120, kinds: [supervisor] };
export const CLICKHOUSE_PROCESS: Target = {
  name: 'ClickHouse process',
  everyS: 60,
  kinds: [killOf('clickhouse')],
};
