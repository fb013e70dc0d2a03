import { parseArgs, type ParseArgsConfig } from 'node:util';
import { commandHelp } from './commandHelp.ts';
import { loadConfig, type Config } from './config.ts';
import { AppError, oneLine } from './errors.ts';
import { configureLogging } from './log.ts';
import { onSupervisorGone } from './supervised.ts';
import type { CommandContext, CommandSpec, OptionSpecs, OptionValues } from './commandSpec.ts';

/** The whole stop has to fit in 20 s; the last second is for the operating system. */
const STOP_DEADLINE_MS = 19_000;

/**
 * A Ctrl-C under npm arrives twice, from the terminal and passed on by npm. Only a signal that comes
 * later than this after the first is a person who insists.
 */
const SAME_SIGNAL_MS = 1_000;

const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

/**
 * The frame of every command: options and `--help`, settings, logging, a clean stop, one line for an error.
 * Ends the process: 0 done or stopped, 1 failed, 2 wrong options, 128 + the signal when a second signal cut the stop short.
 */
export async function runCommand<const O extends OptionSpecs>(
  spec: CommandSpec<O>,
  argv: readonly string[] = process.argv.slice(2),
): Promise<void> {
  // Who read the error lines may be gone (a killed supervisor); that must not break the stop off.
  process.stderr.on('error', () => undefined);
  // Nothing else may be open while `run` waits for its stop; the process must not end by itself then.
  const keepAlive = setInterval(() => undefined, 2 ** 30);
  const code = await runToExitCode(spec, argv);
  clearInterval(keepAlive);
  process.exit(code);
}

async function runToExitCode<O extends OptionSpecs>(spec: CommandSpec<O>, argv: readonly string[]) {
  const parsed = parse(spec, argv);
  if ('problem' in parsed) {
    say(spec.name, `${parsed.problem} (--help lists the options)`);
    return 2;
  }
  if (parsed.help) {
    process.stdout.write(commandHelp(spec));
    return 0;
  }
  let config: Config;
  try {
    config = loadConfig();
  } catch (error) {
    report(spec.name, error);
    return 1;
  }
  configureLogging(config.logLevel);
  return runUntilStopped(spec, { config, args: parsed.args, argv });
}

async function runUntilStopped<O extends OptionSpecs>(
  spec: CommandSpec<O>,
  given: Pick<CommandContext<O>, 'config' | 'args' | 'argv'>,
): Promise<number> {
  const controller = new AbortController();
  const stopped = new Promise<void>((resolve) =>
    controller.signal.addEventListener('abort', () => resolve(), { once: true }),
  );
  const steps: (() => void | Promise<void>)[] = [];
  let exitCode = 0;
  const fail = (error: unknown) => {
    // Work that was broken off because it was told to is no failure.
    if (controller.signal.aborted && isAbort(error)) return;
    report(spec.name, error, given.config.logLevel);
    exitCode = 1;
  };
  let deadline: NodeJS.Timeout | undefined;
  const startDeadline = () => {
    deadline ??= setTimeout(() => {
      say(spec.name, `did not stop within ${STOP_DEADLINE_MS / 1000} s; ended without the rest of the stop`);
      process.exit(1);
    }, STOP_DEADLINE_MS).unref();
  };
  const stop = () => {
    startDeadline();
    controller.abort();
  };
  const fatal = (error: unknown) => {
    fail(error);
    stop();
  };
  process.on('uncaughtException', fatal);
  process.on('unhandledRejection', fatal);
  stopOnSignals(stop);

  try {
    const context: CommandContext<O> = {
      ...given,
      signal: controller.signal,
      stopped,
      onStop: (step) => void steps.push(step),
      ready: (info = {}) => void (process.connected && process.send?.({ ...info, ready: true })),
    };
    const result = await spec.run(context);
    if (typeof result === 'number') exitCode ||= result;
  } catch (error) {
    fail(error);
  }
  startDeadline();
  for (const step of steps.reverse()) {
    try {
      await step();
    } catch (error) {
      fail(error);
    }
  }
  return exitCode;
}

function stopOnSignals(stop: () => void): void {
  let firstAt: number | undefined;
  for (const [name, number] of Object.entries(SIGNALS)) {
    process.on(name, () => {
      const now = performance.now();
      if (firstAt !== undefined && now - firstAt >= SAME_SIGNAL_MS) process.exit(128 + number);
      firstAt ??= now;
      stop();
    });
  }
  onSupervisorGone(stop);
}

type Parsed<O extends OptionSpecs> =
  { problem: string } | { help: true } | { help: false; args: OptionValues<O> };

function parse<O extends OptionSpecs>(spec: CommandSpec<O>, argv: readonly string[]): Parsed<O> {
  const options: NonNullable<ParseArgsConfig['options']> = { help: { type: 'boolean', short: 'h' } };
  for (const [name, { type, short }] of Object.entries(spec.options ?? {})) {
    options[name] = short === undefined ? { type } : { type, short };
  }
  try {
    const passed = spec.passThrough && !/^(--help|-h)$/.test(argv.join(' '));
    const { values } = parseArgs({ args: passed ? [] : [...argv], options, strict: true });
    if (values['help'] === true) return { help: true };
    const args = Object.fromEntries(
      Object.entries(spec.options ?? {}).map(([name, { type }]) => [
        name,
        values[name] ?? (type === 'boolean' ? false : undefined),
      ]),
    );
    return { help: false, args: args as OptionValues<O> };
  } catch (error) {
    // Only the first sentence; the rest explains the syntax of "--".
    return { problem: oneLine(error).split('. ')[0] ?? 'wrong options' };
  }
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}

function say(name: string, line: string): void {
  process.stderr.write(`${name}: ${line}\n`);
}

function report(name: string, error: unknown, logLevel?: string): void {
  say(name, oneLine(error));
  const debug = logLevel === 'debug' || logLevel === 'trace';
  if (debug && !(error instanceof AppError) && error instanceof Error) {
    process.stderr.write(`${error.stack ?? ''}\n`);
  }
}
