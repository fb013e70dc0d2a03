import { setTimeout as delay } from 'node:timers/promises';
import { runCommand } from '../../src/base/command.ts';
import { AppError } from '../../src/base/errors.ts';

/** A command that behaves as its option says; what happens is written to standard output, a word a line. */
void runCommand({
  name: 'fixture',
  summary: 'Stands in for a command in the tests.',
  options: {
    mode: { type: 'string', short: 'm', value: 'MODE', help: 'What to do.' },
    verbose: { type: 'boolean', help: 'Says more.' },
  },
  environment: ['DASHBOARD_PORT', 'LOG_LEVEL'],
  async run({ args, config, signal, stopped, onStop, ready }) {
    onStop(() => console.log('stop-first-added'));
    onStop(async () => {
      await delay(20);
      console.log('stop-last-added');
    });
    switch (args.mode) {
      case undefined:
        console.log(`port=${config.dashboard.port} verbose=${args.verbose}`);
        return;
      case 'seven':
        return 7;
      case 'app-error':
        throw new AppError('X', 'the disk is full: free some space', { retry: 'never' });
      case 'bug':
        throw new TypeError('x is not a function');
      case 'late-bug':
        setTimeout(() => {
          throw new TypeError('thrown from a timer');
        }, 10);
        break;
      case 'abortable':
        console.log('up');
        await delay(60_000, undefined, { signal });
        return;
      case 'stuck':
        onStop(() => delay(60_000));
        break;
    }
    console.log('up');
    ready({ url: 'http://127.0.0.1:1/' });
    await stopped;
    console.log('stopping');
  },
});
