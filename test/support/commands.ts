import { runProgram, type RunningProgram } from './processes.ts';
import type { Environment } from './world.ts';

/** Starts one of the commands about completeness, as its npm script does. */
export function startCommand(
  name: 'backfill' | 'coverage' | 'recount',
  args: readonly string[],
  environment: Environment,
): RunningProgram {
  return runProgram(`src/cli/${name}.ts`, args, { env: environment });
}

/** The same, to its end. */
export async function endedCommand(
  name: 'backfill' | 'coverage' | 'recount',
  args: readonly string[],
  environment: Environment,
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const program = startCommand(name, args, environment);
  const { code } = await program.exited;
  return { code, ...program.output };
}
