import { viewOf } from './view.js';

/** Milliseconds between refreshes. */
const EVERY_MS = 5_000;
const ANSWER_WITHIN_MS = 4_000;

const connection = document.getElementById('connection');
const problemList = document.getElementById('problems');

function show({ cells, problems }) {
  for (const element of document.querySelectorAll('[data-cell]')) {
    const cell = cells[element.dataset.cell];
    if (cell === undefined) continue;
    // Untouched where nothing changed: a selection in the text stays.
    if (element.textContent !== cell.text) element.textContent = cell.text;
    if (element.dataset.tone !== cell.tone) element.dataset.tone = cell.tone;
  }
  if (problems.join('\n') !== [...problemList.children].map((item) => item.textContent).join('\n')) {
    problemList.replaceChildren(
      ...problems.map((problem) => Object.assign(document.createElement('li'), { textContent: problem })),
    );
  }
  problemList.hidden = problems.length === 0;
}

async function refresh() {
  try {
    const response = await fetch('/api/status', { signal: AbortSignal.timeout(ANSWER_WITHIN_MS) });
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    show(viewOf(await response.json()));
    connection.hidden = true;
  } catch {
    connection.hidden = false;
  }
}

async function refreshForEver() {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    if (!document.hidden) await refresh();
  }
}

document.addEventListener('visibilitychange', () => {
  if (!document.hidden) void refresh();
});
void refreshForEver();
