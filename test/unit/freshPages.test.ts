import { expect, test } from 'vitest';
import { FreshPages } from '../../workers/freshPages.ts';

test('a page is given once', () => {
  const pages = new FreshPages();
  const records = [{ id: 'a' }];
  pages.note('job', records);
  expect(pages.take('job')).toBe(records);
  expect(pages.take('job')).toBeUndefined();
  expect(pages.take(undefined)).toBeUndefined();
});

test('pages that another worker has taken do not pile up', () => {
  const pages = new FreshPages();
  for (let page = 1; page <= 100; page++) pages.note(`job-${page}`, [page]);
  const kept = Array.from({ length: 100 }, (_, index) => pages.take(`job-${index + 1}`)).filter(Boolean);
  expect(kept).toEqual([[97], [98], [99], [100]]);
});
