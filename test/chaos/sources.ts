import { GoldskySource } from './goldskySource.ts';
import { PolygonSource } from './polygonSource.ts';
import type { Source, SourceName, SourceOptions } from './source.ts';

export function openSource(name: SourceName, options: SourceOptions): Source {
  switch (name) {
    case 'goldsky':
      return new GoldskySource(options);
    case 'polygon':
      return new PolygonSource(options);
  }
}
