import type { Config, OrderSource } from '../base/config.ts';
import { ConfigError } from '../base/errors.ts';
import { ORDER_SOURCES } from '../base/settings.ts';

/** For the help of `--source`. */
export const SOURCE_NAMES = ORDER_SOURCES.join(' or ');

/** The source of `--source`; all that this pipeline reads where it is left out. @throws ConfigError */
export function parseSources(
  text: string | undefined,
  config: Pick<Config, 'orderSources'>,
): readonly OrderSource[] {
  if (text === undefined) return config.orderSources;
  const source = ORDER_SOURCES.find((name) => name === text);
  if (source === undefined) {
    throw new ConfigError(`--source=${text} is not allowed: it must be ${SOURCE_NAMES}.`);
  }
  if (!config.orderSources.includes(source)) {
    throw new ConfigError(`--source=${source} is not allowed: ORDER_SOURCES leaves out ${source}.`);
  }
  return [source];
}

/** The one source that a given range is of. @throws ConfigError */
export function theSource(sources: readonly OrderSource[]): OrderSource {
  const [source, another] = sources;
  if (source !== undefined && another === undefined) return source;
  const choices = ORDER_SOURCES.map((name) => `--source ${name}`).join(' or ');
  throw new ConfigError(`--source is missing: say ${choices}.`);
}
