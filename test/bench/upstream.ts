import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { nodeCommand } from '../../src/embedded/processes.ts';

export interface UpstreamOptions {
  /** The made exchange; `end` is the second up to which the subgraph has indexed. */
  readonly exchange: {
    readonly start: number;
    readonly end: number;
    readonly eventsPerSecond: number;
    readonly burstProbability?: number;
  };
  /** How many events it serves, to the end of a second. */
  readonly eventsWanted: number;
  /** How often the same history comes, one after the other (default 1). */
  readonly repetitions?: number;
  /** Of one page, however many are asked for; more than any second has. */
  readonly pageEvents: number;
  readonly latencyMs: number;
  /** Requests let through in any window of that many milliseconds; the others get 429. */
  readonly limit?: { readonly requests: number; readonly windowMs: number };
}

export type ToUpstream = { readonly kind: 'arrivals' };

export interface Ready {
  readonly goldskyUrl: string;
  readonly gammaUrl: string;
  readonly events: number;
  /** Unix seconds of the first and the last event. */
  readonly first: number;
  readonly last: number;
  /** Base units of all amounts together. */
  readonly checksum: string;
}

/** Milliseconds of one steady clock. */
export interface Arrivals {
  readonly arrivals: readonly number[];
  readonly refused: readonly number[];
  /** That clock at the answer. */
  readonly now: number;
}

export type FromUpstream = ({ readonly kind: 'ready' } & Ready) | ({ readonly kind: 'arrivals' } & Arrivals);

export interface Upstream extends Ready {
  readonly pid: number;
  arrivals(): Promise<Arrivals>;
  stop(): Promise<void>;
}

export async function startUpstream(options: UpstreamOptions): Promise<Upstream> {
  const { args } = nodeCommand('test/bench/upstreamProcess.ts');
  const child = fork(args.at(-1) ?? '', [JSON.stringify(options)], {
    execArgv: args.slice(0, -1),
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const ready = await answer(child, 'ready');
  return {
    ...ready,
    pid: child.pid ?? 0,
    arrivals: async () => {
      const answered = answer(child, 'arrivals');
      child.send({ kind: 'arrivals' } satisfies ToUpstream);
      return await answered;
    },
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    },
  };
}

async function answer<Kind extends FromUpstream['kind']>(
  child: ChildProcess,
  kind: Kind,
): Promise<Extract<FromUpstream, { kind: Kind }>> {
  return await new Promise((resolve, reject) => {
    const onMessage = (message: FromUpstream) => {
      if (message.kind !== kind) return;
      done();
      resolve(message as Extract<FromUpstream, { kind: Kind }>);
    };
    const onExit = () => {
      done();
      reject(new Error('The stand-in upstream ended.'));
    };
    const done = () => child.off('message', onMessage).off('exit', onExit);
    child.on('message', onMessage).on('exit', onExit);
  });
}
