import { fileURLToPath } from 'node:url';
import { versionsText } from '../base/exchanges.ts';
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
${apiTable(status, cellOf)}
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

/** A column: the end of its cells' names, its heading, attributes of its cells. */
type Column = readonly [field: string, heading: string, attributes?: string];

const SOURCE_COLUMNS: readonly Column[] = [
  ['lag', 'Lag'],
  ['rate', 'Rate'],
  ['gaps', 'Gaps'],
  ['recounts', 'Recounted'],
  ['problem', 'Problem', 'class="text whole problem"'],
];

function sourceTable({ sources }: Status, cellOf: CellOf): string {
  const rows = Object.entries(sources).map(([source, { exchanges }]) => {
    const name = `source/${source}`;
    const covered = `${element('span', cellOf, `${name}/time`)} ${element('small', cellOf, `${name}/cursor`)} ${element('small', cellOf, `${name}/from`)}`;
    return `<tr role="row"><th scope="row" role="rowheader">${escape(source)} <small title="The exchanges it reads">${escape(versionsText(exchanges))}</small></th>
<td role="cell" class="text whole" data-label="Covered up to">${covered}</td>
${cells(SOURCE_COLUMNS, name, cellOf)}</tr>`;
  });
  return table('Source', [['', 'Covered up to', 'class="text"'], ...SOURCE_COLUMNS], rows);
}

const API_COLUMNS: readonly Column[] = [
  ['since', 'Since', 'class="text"'],
  ['probe', 'Next try', 'class="text"'],
  ['error', 'Last error', 'class="text whole problem"'],
];

function apiTable({ apis }: Status, cellOf: CellOf): string {
  const rows = Object.keys(apis).map((api) => {
    const name = `api/${api}`;
    const state = `${element('span', cellOf, `${name}/state`)} ${element('small', cellOf, `${name}/failures`)}`;
    return `<tr role="row"><th scope="row" role="rowheader">${escape(api)}</th>
<td role="cell" class="text" data-label="State">${state}</td>
${cells(API_COLUMNS, name, cellOf)}</tr>`;
  });
  return table('API', [['', 'State', 'class="text"'], ...API_COLUMNS], rows);
}

const QUEUE_COLUMNS: readonly Column[] = [
  ...QUEUE_STATES.map((state): Column => [state, `${state.charAt(0).toUpperCase()}${state.slice(1)}`]),
  ['oldest', 'Oldest waiting', 'class="wide-only"'],
];

function queueTable({ queues }: Status, cellOf: CellOf): string {
  const rows = Object.keys(queues).map((queue) => {
    const board = `${BOARD_PATH}/queue/${encodeURIComponent(queue)}`;
    return `<tr role="row"><th scope="row" role="rowheader"><a href="${escape(board)}">${escape(queue)}</a></th>
${cells(QUEUE_COLUMNS, `queue/${queue}`, cellOf, { failed: failedJobsPath(queue) })}</tr>`;
  });
  const note = `<p class="note">On their way to ClickHouse: ${element('span', cellOf, 'backlog/pages')}. Redis uses ${element('span', cellOf, 'backlog/redis')}.</p>`;
  return table('Queue', QUEUE_COLUMNS, rows, note);
}

/** @param links where a field's number leads */
function cells(
  columns: readonly Column[],
  name: string,
  cellOf: CellOf,
  links: Readonly<Record<string, string>> = {},
): string {
  return columns
    .map(([field, heading, attributes = '']) => {
      const link = links[field];
      const content =
        link === undefined
          ? element('span', cellOf, `${name}/${field}`)
          : element('a', cellOf, `${name}/${field}`, `href="${escape(link)}"`);
      return `<td role="cell" data-label="${heading}" ${attributes}>${content}</td>`;
    })
    .join('');
}

/** The roles keep it a table for screen readers where the stylesheet, on a phone, lays it out as something else. */
function table(what: string, columns: readonly Column[], rows: readonly string[], note = ''): string {
  const id = `${what.toLowerCase()}s`;
  const heads = columns.map(
    ([, heading, attributes = '']) => `<th scope="col" role="columnheader" ${attributes}>${heading}</th>`,
  );
  return `<section><h2 id="${id}">${what}s</h2>
<div class="card"><table role="table" class="${id}" aria-labelledby="${id}">
<thead role="rowgroup"><tr role="row"><th scope="col" role="columnheader">${what}</th>${heads.join('')}</tr></thead>
<tbody role="rowgroup">
${rows.join('\n')}
</tbody>
</table></div>${note}</section>`;
}

/** An element that the script keeps up to date. */
function element(tag: string, cellOf: CellOf, name: string, attributes = ''): string {
  const { text, tone } = cellOf(name);
  return `<${tag} data-cell="${escape(name)}" data-tone="${tone}"${attributes === '' ? '' : ` ${attributes}`}>${escape(text)}</${tag}>`;
}

function escape(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
