import { readFileSync } from 'node:fs';

/**
 * Loaded before a program (`--import`): its clock is off by the milliseconds that the file CLOCK_FILE says, from moment
 * to moment. Timers are not.
 */
const TrueDate = Date;
const trueNow = Date.now.bind(Date);
const file = process.env['CLOCK_FILE'] ?? '';

let offset = 0;
const look = () => {
  offset = Number(readFileSync(file, 'utf8')) || 0;
};
look();
setInterval(look, 50).unref();

globalThis.Date = class extends TrueDate {
  constructor(...args) {
    if (args.length === 0) super(trueNow() + offset);
    else super(...args);
  }

  static now() {
    return trueNow() + offset;
  }
};
