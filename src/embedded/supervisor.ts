import { setTimeout as delay } from 'node:timers/promises';
import { AppError, oneLine } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { describeProcess, type RunFiles } from './runFiles.ts';
import {
  READY_TIMEOUT_MS,
  SupervisedChild,
  type ChildSpec,
  type Exit,
  type ReadyInfo,
} from './supervisedChild.ts';

/** A process of the pipeline could not be started. */
export class StartError extends AppError {
  constructor(message: string, cause?: unknown) {
    super('START', message, { retry: 'never', cause });
  }
}

export interface SupervisorOptions {
  readonly log: Logger;
  readonly runFiles: RunFiles;
  /** First pause before a restart, doubled with each try; default 200 ms. */
  readonly minBackoffMs?: number;
  /** Default 10 s. */
  readonly maxBackoffMs?: number;
  /** A child that lived this long starts with the first pause again; default 30 s. */
  readonly stableMs?: number;
  /** The whole stop; default 17.5 s, so that a command ends within its 20 s. */
  readonly stopMs?: number;
}

interface Slot {
  readonly spec: ChildSpec;
  child: SupervisedChild;
}

const DEFAULT_MIN_BACKOFF_MS = 200;
const FIRST_START_TRIES = 5;
const KILLED = 'signal SIGKILL';
const DEFAULT_STOP_MS = 17_500;
const DEFAULT_CHILD_STOP_MS = 5_000;

/**
 * Runs child processes, restarts those that die, stops them in reverse order. When this process ends in any way it can
 * notice, its children are killed; when it is itself killed, Node children end by their closed IPC channel and
 * the others are found by their run files.
 */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #slots: Slot[] = [];
  readonly #stopping = new AbortController();
  readonly #killAll = () => this.#slots.forEach(({ child }) => child.kill());
  #stopped: Promise<void> | undefined;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    process.on('exit', this.#killAll);
  }

  /**
   * Starts a child and resolves, with what it said, when it is ready; from then on it is restarted whenever it ends.
   * @throws StartError with the child's last words when it ends by itself before, or is not ready in time; it is gone then.
   * @throws AlreadyRunningError when another supervisor of this DATA_DIR runs a child of this name.
   */
  async start(spec: ChildSpec, signal?: AbortSignal): Promise<ReadyInfo> {
    await this.#options.runFiles.claim(spec.name);
    if (this.#stopping.signal.aborted) this.#options.runFiles.release(spec.name);
    this.#stopping.signal.throwIfAborted();
    const slot: Slot = { spec, child: this.#spawn(spec) };
    this.#slots.push(slot);
    const info = await this.#firstReady(slot, signal);
    if (info === undefined) {
      const ended = slot.child.hasExited;
      slot.child.kill();
      const { how, lastWords } = await slot.child.exited;
      this.#slots.splice(this.#slots.indexOf(slot), 1);
      this.#options.runFiles.release(spec.name);
      signal?.throwIfAborted();
      this.#stopping.signal.throwIfAborted();
      if (this.#options.log.isLevelEnabled('debug')) slot.child.releaseStderr();
      const seconds = (spec.readyTimeoutMs ?? READY_TIMEOUT_MS) / 1000;
      const why = ended ? (lastWords ?? `it ended with ${how}`) : `it was not ready within ${seconds} s`;
      throw new StartError(`${spec.name} did not start: ${why}`);
    }
    this.#options.log.debug({ child: spec.name, childPid: slot.child.pid }, `${spec.name} is ready`);
    void this.#keepRunning(slot);
    return info;
  }

  /** Stops the children, last started first; each is killed after its own timeout, all of them when the whole stop's is over. */
  stop(): Promise<void> {
    return (this.#stopped ??= this.#stopAll());
  }

  async #stopAll(): Promise<void> {
    const deadline = performance.now() + (this.#options.stopMs ?? DEFAULT_STOP_MS);
    this.#stopping.abort();
    for (const { spec, child } of [...this.#slots].reverse()) {
      const leftMs = deadline - performance.now();
      const startedAt = performance.now();
      await child.stop(Math.min(spec.stopTimeoutMs ?? DEFAULT_CHILD_STOP_MS, leftMs));
      this.#options.runFiles.release(spec.name);
      const ms = Math.round(performance.now() - startedAt);
      this.#options.log.debug({ child: spec.name, ms }, `${spec.name} is stopped`);
    }
    process.off('exit', this.#killAll);
  }

  /**
   * A child that fails its first start is not started again, unless what stopped it was mended, or it was killed from
   * outside: that says nothing about the next try.
   */
  async #firstReady(slot: Slot, signal: AbortSignal | undefined): Promise<ReadyInfo | undefined> {
    const { minBackoffMs = DEFAULT_MIN_BACKOFF_MS } = this.#options;
    const stop = AbortSignal.any([this.#stopping.signal, ...(signal === undefined ? [] : [signal])]);
    for (let tried = 1; ; tried++) {
      const info = await slot.child.ready(signal);
      if (info !== undefined && !slot.child.hasExited) return info;
      if (!slot.child.hasExited || stop.aborted || tried === FIRST_START_TRIES) return undefined;
      const exit = await slot.child.exited;
      if (!this.#mend(slot, exit)) {
        if (exit.how !== KILLED) return undefined;
        this.#options.log.warn(
          { child: slot.spec.name },
          `${slot.spec.name} was killed while it started; trying again`,
        );
      }
      await delay(minBackoffMs * tried, undefined, { signal: stop }).catch(() => undefined);
      if (stop.aborted) return undefined;
      slot.child = this.#spawn(slot.spec);
    }
  }

  async #keepRunning(slot: Slot): Promise<void> {
    const {
      log,
      minBackoffMs = DEFAULT_MIN_BACKOFF_MS,
      maxBackoffMs = 10_000,
      stableMs = 30_000,
    } = this.#options;
    const { signal } = this.#stopping;
    let pauseMs = minBackoffMs;
    let startedAt = performance.now();
    for (;;) {
      const exit = await slot.child.exited;
      const { how, lastWords } = exit;
      if (signal.aborted) return;
      if (performance.now() - startedAt >= stableMs) pauseMs = minBackoffMs;
      log.warn(
        { child: slot.spec.name, retryMs: pauseMs, ...(lastWords === undefined ? {} : { lastWords }) },
        `${slot.spec.name} ended with ${how}; starting it again in ${pauseMs} ms`,
      );
      this.#mend(slot, exit);
      await delay(pauseMs, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      pauseMs = Math.min(pauseMs * 2, maxBackoffMs);
      startedAt = performance.now();
      slot.child = this.#spawn(slot.spec);
      slot.child.releaseStderr();
      const info = await slot.child.ready(signal);
      if (signal.aborted) return;
      if (info !== undefined) log.info({ child: slot.spec.name }, `${slot.spec.name} runs again`);
      // Alive but not ready in time is as good as dead; killed, it takes the same way round.
      else slot.child.kill();
    }
  }

  /** True where the child's own `recover` mended something; it says what. */
  #mend({ spec }: Slot, exit: Exit): boolean {
    const { log } = this.#options;
    try {
      const line = spec.recover?.(exit);
      if (line !== undefined) log.warn({ child: spec.name }, line);
      return line !== undefined;
    } catch (error) {
      log.warn(
        { child: spec.name },
        `what keeps ${spec.name} from starting cannot be mended: ${oneLine(error)}`,
      );
      return false;
    }
  }

  #spawn(spec: ChildSpec): SupervisedChild {
    const child = new SupervisedChild(spec);
    if (child.pid !== undefined) {
      const command = [spec.command, ...spec.args].join(' ');
      this.#options.runFiles.note(spec.name, { child: { ...describeProcess(child.pid), command } });
    }
    return child;
  }
}
