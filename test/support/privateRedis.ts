import { readdirSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { onTestFinished } from 'vitest';
import { sendSignal } from '../../src/embedded/processes.ts';
import { redisBinary } from '../../src/embedded/redisBinary.ts';
import { redisFolder, redisServer } from '../../src/embedded/redisServer.ts';
import { RunFiles } from '../../src/embedded/runFiles.ts';
import { Supervisor } from '../../src/embedded/supervisor.ts';
import { freePort, temporaryFolder } from './processes.ts';

/** An embedded Redis of one test's own, with whose process and files anything may be done. Ended with the test. */
export class PrivateRedis {
  readonly url: string;
  /** Warnings of its supervisors. */
  readonly warnings: string[] = [];
  readonly #dataDir: string;
  #supervisor: Supervisor | undefined;

  private constructor(port: number, dataDir: string) {
    this.url = `redis://127.0.0.1:${port}`;
    this.#dataDir = dataDir;
  }

  static async start(): Promise<PrivateRedis> {
    const redis = new PrivateRedis(await freePort(), temporaryFolder());
    onTestFinished(async () => redis.#supervisor?.stop());
    await redis.start();
    return redis;
  }

  /** Where it keeps its append-only file. */
  get aofFolder(): string {
    return join(redisFolder(this.#dataDir), 'appendonlydir');
  }

  /** The part of the append-only file that is being written. */
  get aofFile(): string {
    const files = readdirSync(this.aofFolder).filter((name) => name.endsWith('.incr.aof'));
    return join(this.aofFolder, files.sort((a, b) => numberOf(a) - numberOf(b)).at(-1) ?? '');
  }

  /** Starts it over what its files hold. */
  async start(): Promise<void> {
    const log = pino(
      { level: 'warn' },
      { write: (line) => void this.warnings.push((JSON.parse(line) as { msg: string }).msg) },
    );
    const runFiles = new RunFiles(this.#dataDir);
    this.#supervisor = new Supervisor({ log, runFiles });
    const binary = await redisBinary({ log, dataDir: this.#dataDir });
    await this.#supervisor.start(redisServer(this.url, binary, this.#dataDir));
  }

  /** Its process; undefined while it is down. */
  get pid(): number | undefined {
    return new RunFiles(this.#dataDir).read('redis')?.child?.pid;
  }

  /** kill -9. */
  async kill(): Promise<void> {
    if (this.pid !== undefined) sendSignal(this.pid, 'SIGKILL');
    // A supervisor that stops starts nothing again.
    await this.#supervisor?.stop();
  }

  /** Loses the last bytes that were written, as a power cut does. Gives how many. */
  truncateAof(bytes: number): number {
    const { size } = statSync(this.aofFile);
    const lost = Math.min(bytes, size);
    truncateSync(this.aofFile, size - lost);
    return lost;
  }
}

function numberOf(file: string): number {
  return Number(/\.(\d+)\.incr/.exec(file)?.[1]);
}
