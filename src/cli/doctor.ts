import { runCommand } from '../base/command.ts';
import { allChecks, runCheck } from './checks.ts';

await runCommand({
  name: 'doctor',
  summary:
    'Checks settings, Redis, ClickHouse, schema and upstream APIs: a line each, with the mend. Changes nothing. Exit 1 if any fails.',
  run: async ({ config }) => {
    const checks = allChecks(config);
    const running = checks.map((check) => runCheck(check));
    let failures = 0;
    for (const [index, check] of checks.entries()) {
      const result = await running[index];
      if (result === undefined) continue;
      if (!result.ok) failures += 1;
      console.log(`${result.ok ? 'ok  ' : 'FAIL'}  ${check.name.padEnd(12)} ${result.text}`);
    }
    return failures === 0 ? 0 : 1;
  },
});
