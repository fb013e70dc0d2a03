import { existsSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Exit } from './supervisedChild.ts';

/** What Redis persists to: a folder, before version 7 a single file. */
const NAMES = ['appendonlydir', 'appendonly.aof'] as const;
/** Broken ones kept for whoever wants to look; older ones are removed. */
const KEPT = 3;

const READY = /Ready to accept connections/;
const ABOUT_AOF = /append[- ]only|\bAOF\b|\bRDB\b|\bDB\b/;
/** The machine's trouble, not the file's: another file would meet it too. */
const MACHINE =
  /Permission denied|Operation not permitted|No space left|quota exceeded|Read-only file system|Input\/output error|Too many open files|Cannot allocate memory|Out Of Memory allocating/;
/** It ended by itself: refused to start, or crashed over what it read. Any other signal came from outside. */
const BY_ITSELF = /^(exit code [1-9]\d*|signal SIG(ABRT|BUS|FPE|ILL|SEGV))$/;

/**
 * Why Redis could not read its append-only file, in its own words; undefined when it ended for any other reason.
 * It checks its settings and opens its port before it reads that file: when it ended by itself after it had begun to
 * speak of the file and before it was ready, the file is damaged, unless it names a trouble of the machine.
 * @param exit its end, with what it wrote to its log in that life
 */
export function aofDamage({ how, log }: Pick<Exit, 'how' | 'log'>): string | undefined {
  if (!BY_ITSELF.test(how) || READY.test(log) || MACHINE.test(log)) return undefined;
  const lines = log.split('\n').filter((line) => ABOUT_AOF.test(line));
  const complaint = lines.findLast((line) => / # /.test(line)) ?? lines.at(-1);
  return complaint
    ?.replace(/^.*? [#*] /, '')
    .replace(/: make a backup.*/, '')
    .replaceAll(/[^\x20-\x7e]+/g, '?')
    .slice(0, 200);
}

/**
 * Takes a damaged append-only file out of Redis' way, so that it starts without it: renamed to `NAME.broken-TIME`, the
 * newest few kept. Gives the new paths.
 * @param dir the folder Redis keeps its files in
 */
export function moveAofAside(dir: string, now = new Date()): string[] {
  const time = now.toISOString().replaceAll(/[:.]/g, '-');
  const moved = NAMES.filter((name) => existsSync(join(dir, name))).map((name) => {
    const target = join(dir, `${name}.broken-${time}`);
    renameSync(join(dir, name), target);
    return target;
  });
  const broken = readdirSync(dir).filter((file) => NAMES.some((name) => file.startsWith(`${name}.broken-`)));
  const timeOf = (file: string) => file.slice(file.indexOf('.broken-'));
  const outdated = broken.sort((a, b) => (timeOf(a) < timeOf(b) ? 1 : -1)).slice(KEPT);
  for (const file of outdated) rmSync(join(dir, file), { recursive: true, force: true });
  return moved;
}
