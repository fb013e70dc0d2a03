// Completes package-lock.json: a registry that lacks some platform's build of an optional package makes npm leave
// it out of the lockfile, and `npm ci` then stops on that platform. `npm run lockfile` adds what is missing;
// with --check it only says so and exits 1.
import { readFileSync, writeFileSync } from 'node:fs';

const FILE = new URL('../../package-lock.json', import.meta.url);
const lock = JSON.parse(readFileSync(FILE, 'utf8'));
const missing = {};

/** Platform fields from a name such as @chdb/lib-linux-arm64-gnu. */
function platformOf(name) {
  const os = /(darwin|linux|win32|freebsd|openbsd|netbsd|sunos|aix|android|openharmony)/.exec(name)?.[1];
  const cpu = /(x64|arm64|arm(?!64)|ia32|ppc64|s390x|riscv64|loong64|mips64el|wasm32)/.exec(name)?.[1];
  return { ...(cpu === undefined ? {} : { cpu: [cpu] }), ...(os === undefined ? {} : { os: [os] }) };
}

for (const [path, entry] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const nested = `${path}${path === '' ? '' : '/'}node_modules/${name}`;
    const hoisted = `node_modules/${name}`;
    if (lock.packages[nested] !== undefined || lock.packages[hoisted] !== undefined) continue;
    missing[hoisted] = { version: version.replace(/^[\^~]/, ''), ...platformOf(name), optional: true };
  }
}

const names = Object.keys(missing);
if (process.argv.includes('--check')) {
  if (names.length > 0) {
    console.error(`package-lock.json lacks ${names.join(', ')}: run npm run lockfile.`);
    process.exitCode = 1;
  }
} else if (names.length > 0) {
  const packages = { ...lock.packages, ...missing };
  lock.packages = Object.fromEntries(
    Object.keys(packages)
      .sort()
      .map((path) => [path, packages[path]]),
  );
  writeFileSync(FILE, `${JSON.stringify(lock, null, 2)}\n`);
  console.log(`Added to package-lock.json: ${names.join(', ')}.`);
}
