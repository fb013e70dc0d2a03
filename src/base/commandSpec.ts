import type { Config } from './config.ts';
import type { SETTINGS } from './settings.ts';

export interface OptionSpec {
  readonly type: 'boolean' | 'string';
  readonly short?: string;
  /** How the value is called in the help, e.g. `FILE`. */
  readonly value?: string;
  readonly help: string;
}

export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

export type OptionValues<O extends OptionSpecs> = {
  readonly [K in keyof O]: O[K]['type'] extends 'boolean' ? boolean : string | undefined;
};

export interface CommandContext<O extends OptionSpecs> {
  readonly config: Config;
  readonly args: OptionValues<O>;
  /** The arguments as they were typed. */
  readonly argv: readonly string[];
  /** Aborted by the first SIGINT, SIGTERM or SIGHUP, by the end of the supervisor, and by a fatal error. */
  readonly signal: AbortSignal;
  /** Resolves when `signal` is aborted: what a program that runs until it is stopped waits for. */
  readonly stopped: Promise<void>;
  /** Adds a step of the stop. The steps run one by one, last added first, once `run` has settled for whatever reason. */
  readonly onStop: (step: () => void | Promise<void>) => void;
  /** Tells the supervisor, if there is one, that this process now does its work. */
  readonly ready: (info?: Readonly<Record<string, unknown>>) => void;
}

export interface CommandSpec<O extends OptionSpecs> {
  /** The npm script. */
  readonly name: string;
  /** What it does, in a line or a few. */
  readonly summary: string;
  readonly options?: O;
  /** Its arguments are for another program: taken as they are, but for a lone `--help`. */
  readonly passThrough?: boolean;
  /** The settings it reads, for `--help`; all of them when left out. */
  readonly environment?: readonly (keyof typeof SETTINGS)[];
  /** Does the work. The number is the exit code; nothing means 0. */
  run(context: CommandContext<O>): Promise<number | void>;
}
