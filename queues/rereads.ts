import type { Cursor } from '../src/domain/coverage.ts';
import type { OrderSource } from '../src/base/config.ts';
import { fetchQueueOf, PRIORITY } from './catalogue.ts';
import type { RereadJob } from './payloads.ts';
import type { Queues } from './producer.ts';
