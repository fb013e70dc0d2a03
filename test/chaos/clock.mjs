import { readFileSync } from 'node:fs';

/**
 * Loaded before a worker: its clock runs by the milliseconds that the file CHAOS_CLOCK_FILE names ahead of the true one
 * (behind, when negative). The file is read again and again; timers and performance.now() are not touched.
 */
const EVERY_MS = 100;
const TrueDate = Date;
const trueNow = Date.now;

let offset = read();
setInterval(() => (offset = read()), EVERY_MS).unref();
const now = () => trueNow() + offset;

TrueDate.now = now;
const ShiftedDate = new Proxy(TrueDate, {
  construct: (target, args, caller) =>
    Reflect.construct(target, args.length === 0 ? [now()] : args, caller === ShiftedDate ? target : caller),
  apply: () => new TrueDate(now()).toString(),
});
globalThis.Date = ShiftedDate;

function read() {
  try {
    return Number(readFileSync(process.env.CHAOS_CLOCK_FILE ?? '', 'utf8')) || 0;
  } catch {
    return 0;
  }
}
