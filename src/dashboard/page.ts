import { fileURLToPath } from 'node:url';
import { BOARD_PATH, failedJobsPath } from './board.ts';
import { viewOf, type Cell } from './public/view.js';
import { QUEUE_STATES } from './queueStatus.ts';
import type { Status } from './status.ts';

/** The page's own files, served under /assets/. */
export const ASSETS = ['status.js', 'view.js', 'style.css', 'icon.svg'] as const;
export const ASSETS_DIR = fileURLToPath(new URL('public/', import.meta.url));

type CellOf = (name: string) => Cell;

/** The status page with its numbers in it: readable without script, refreshed by public/status.js. */
export function statusPage(status: Status): string {
  const { cells, problems } = viewOf(status);
  const cellOf: CellOf = (name) => cells[name] ?? { text: '', tone: '' };
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Polymarket pipeline</title>
<link rel="icon" type="image/svg+xml" href="/assets/icon.svg">
<link rel="stylesheet" href="/assets/style.css">
<noscript><meta http-equiv="refresh" content="5"></noscript>
<script type="module" src="/assets/status.js"></script>
</head>
<body>
<header>
<h1><img src="/assets/icon.svg" width="28" height="28" alt="">Polymarket pipeline</h1>
${element('p', cellOf, 'headline', 'class="pill" role="status"')}
<nav><a href="${BOARD_PATH}">Job board</a><a href="/metrics">Metrics</a><a href="/api/status">JSON</a></nav>
</header>
<p id="connection" class="notice" role="alert" hidden>The dashboard does not answer: these are its last numbers. Trying again.</p>
<ul id="problems" aria-label="Problems"${problems.length === 0 ? ' hidden' : ''}>${problems.map((problem) => `<li>${escape(problem)}</li>`).join('')}</ul>
<main>
${tiles(status, cellOf)}
${sourceTable(status, cellOf)}
${queueTable(status, cellOf)}
</main>
<footer>
<span>Redis ${element('span', cellOf, 'service/redis')}</span>
<span>ClickHouse ${element('span', cellOf, 'service/clickhouse')}</span>
<span>Updated ${element('span', cellOf, 'updated')}, every 5 s</span>
</footer>
</body>
</html>
`;
}

function tiles({ tables }: Status, cellOf: CellOf): string {
  const items = Object.keys(tables).map(
    (table) => `<div><dt>${escape(table)}</dt>${element('dd', cellOf, `table/${table}`)}</div>`,
  );
  return `<section aria-label="Table rows"><dl class="tiles">${items.join('\n')}</dl></section>`;
}

function sourceTable({ sources }: Status, cellOf: CellOf): string {
  const rows = Object.keys(sources).map((source) => {
    const cell = (name: string, attributes?: string) =>
      element('td', cellOf, `source/${source}/${name}`, attributes);
    return `<tr><th scope="row">${escape(source)}</th>
<td class="text">${element('span', cellOf, `source/${source}/time`)}${element('small', cellOf, `source/${source}/cursor`, 'class="wide-only"')}</td>
${cell('lag')}${cell('rate')}${cell('gaps')}${cell('problem', 'class="text problem"')}</tr>`;
  });
  return table(
    'Sources',
    '<th scope="col">Source</th><th scope="col" class="text">Covered up to</th><th scope="col">Lag</th><th scope="col">Rate</th><th scope="col">Gaps</th><th scope="col" class="text">Problem</th>',
    rows,
  );
}

function queueTable({ queues }: Status, cellOf: CellOf): string {
  const rows = Object.keys(queues).map((queue) => {
    const counts = QUEUE_STATES.map((state) => {
      const name = `queue/${queue}/${state}`;
      if (state !== 'failed') return element('td', cellOf, name);
      return `<td>${element('a', cellOf, name, `href="${escape(failedJobsPath(queue))}"`)}</td>`;
    });
    const board = `${BOARD_PATH}/queue/${encodeURIComponent(queue)}`;
    return `<tr><th scope="row"><a href="${escape(board)}">${escape(queue)}</a></th>${counts.join('')}${element('td', cellOf, `queue/${queue}/oldest`, 'class="wide-only"')}</tr>`;
  });
  const heads = QUEUE_STATES.map((state) => `<th scope="col">${capital(state)}</th>`).join('');
  return table(
    'Queues',
    `<th scope="col">Queue</th>${heads}<th scope="col" class="wide-only">Oldest waiting</th>`,
    rows,
  );
}

function table(title: string, head: string, rows: readonly string[]): string {
  const id = title.toLowerCase();
  return `<section><h2 id="${id}">${title}</h2>
<div class="card" role="region" aria-labelledby="${id}" tabindex="0"><table aria-labelledby="${id}">
<thead><tr>${head}</tr></thead>
<tbody>
${rows.join('\n')}
</tbody>
</table></div></section>`;
}

/** An element that the script keeps up to date. */
function element(tag: string, cellOf: CellOf, name: string, attributes = ''): string {
  const { text, tone } = cellOf(name);
  return `<${tag} data-cell="${escape(name)}" data-tone="${tone}"${attributes === '' ? '' : ` ${attributes}`}>${escape(text)}</${tag}>`;
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

function escape(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
