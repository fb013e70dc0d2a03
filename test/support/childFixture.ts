import { spawn } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { onSupervisorGone } from '../../src/base/supervised.ts';

/**
 * A child for the supervisor: `childFixture.ts NAME JOURNAL [behaviour...]`. It notes what happens to it in the
 * journal, a line `NAME EVENT PID` each.
 */
const [name = '', journal = '', ...behaviour] = process.argv.slice(2);
const note = (event: string, pid = process.pid) => appendFileSync(journal, `${name} ${event} ${pid}\n`);

note('up');
if (behaviour.includes('fail')) {
  process.stderr.write('first line\nthe port 1234 is in use\n');
  process.exit(3);
}
if (behaviour.includes('grandchild')) {
  note('grandchild', spawn('sleep', ['600'], { stdio: 'ignore' }).pid);
}
process.on('SIGTERM', () => {
  note('SIGTERM');
  if (!behaviour.includes('stubborn')) process.exit(0);
});
process.on('SIGINT', () => note('SIGINT'));
onSupervisorGone(() => {
  note('disconnect');
  process.exit(0);
});
if (!behaviour.includes('silent')) process.send?.({ ready: true, name });
setInterval(() => undefined, 60_000);
