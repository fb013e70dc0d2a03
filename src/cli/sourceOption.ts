import type { Config } from '../base/config.ts';
import { ConfigError } from '../base/errors.ts';
import { ORDER_SOURCES } from '../base/settings.ts';

/** The order sources that this version reads. */
export type BuiltSource = 'goldsky';

const BUILT: readonly BuiltSource[] = ['goldsky'];

/** The source of `--source`; all that this pipeline reads where it is left out. @throws ConfigError */
export function parseSources(text: string | undefined, config: Pick<Config, 'orderSources'>): BuiltSource[] {
  if (text === undefined) {
    const sources = BUILT.filter((source) => config.orderSources.includes(source));
    if (sources.length > 0) return sources;
    throw new ConfigError(
      `ORDER_SOURCES leaves out ${BUILT.join(' and ')}: no order source that is built is left.`,
    );
  }
  const source = BUILT.find((built) => built === text);
  if (source === undefined) {
    const isPlanned = (ORDER_SOURCES as readonly string[]).includes(text);
    throw new ConfigError(
      `--source=${text} is not allowed: ${isPlanned ? `${text} is not built yet; ` : ''}it must be ${BUILT.join(' or ')}.`,
    );
  }
  if (!config.orderSources.includes(source)) {
    throw new ConfigError(`--source=${source} is not allowed: ORDER_SOURCES leaves out ${source}.`);
  }
  return [source];
}
