import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import test from 'node:test';

import { find, kinds, MASK, NOT_SEARCHED } from '../src/recogniser';
import { findSecrets, maskSecrets, searched } from '../src/saved_secrets';

const notebook = (text: string) => ({
  cells: [{ cell_type: 'code', source: '1', metadata: {}, outputs: [{ text: [text] }] }],
  metadata: {},
  nbformat: 4
});
const KEY = 'AKIA' + 'Q3EGRZ5NV7B2YTKD';

function masked(text: string): string {
  return find(text).reduceRight((rest, { start, end }) => rest.slice(0, start) + MASK + rest.slice(end), text);
}

test('a secret is found, masked once, and the rest of the text stays', () => {
  const book = notebook(`a\nurl?X-Amz-Date=1&X-Amz-Signature=${'0f'.repeat(32)}&x=1\n`);
  assert.deepEqual(
    findSecrets(book).map(({ place, what }) => [place, what]),
    [['cell 0, output', 'the signature of a presigned URL']]
  );
  maskSecrets(book);
  assert.deepEqual(book.cells[0].outputs, [{ text: ['a\n', 'url?X-Amz-Date=1&X-Amz-Signature=***&x=1\n'] }]);
  assert.deepEqual(findSecrets(book), []);
  assert.match(searched(book), new RegExp(`^${kinds.length} kinds of secrets searched in 1 cells`));
});

test('a secret has the same id wherever it is, and one whose id was accepted stays', () => {
  const other = KEY.replace('7', '6');
  const found = findSecrets(notebook(`${KEY} and ${other} and ${KEY}`));
  assert.equal(found.length, 2);
  assert.equal(found[0].id, findSecrets(notebook(KEY))[0].id);
  const book = notebook(`${KEY} and ${other}`);
  assert.deepEqual(findSecrets(book, [found[0].id]), [found[1]]);
  maskSecrets(book, [found[0].id]);
  assert.deepEqual(book.cells[0].outputs, [{ text: [`${KEY} and ***`] }]);
  assert.equal(masked(`id ${KEY}.`), 'id ***.');
});

test('in the source of a cell only strings and comments are masked', () => {
  const book = notebook('');
  book.cells[0].source = `key = "${KEY}"\n# ${KEY}\n${KEY}\n`;
  maskSecrets(book);
  assert.equal(book.cells[0].source, `key = "***"\n# ***\n${KEY}\n`);
});

/** For the comparison with Python: what is found in each text and notebook of a file, and what is left after masking. */
test('the vectors of a file', { skip: !process.env.GT_SECURE_CORPUS }, () => {
  const { texts, books } = JSON.parse(readFileSync(process.env.GT_SECURE_CORPUS!, 'utf-8')) as {
    texts: string[];
    books: Record<string, unknown>[];
  };
  const found = {
    texts: texts.map(text => find(text).map(({ start, end, what }) => [start, end, what])),
    books: books.map(book => {
      const places = findSecrets(book);
      maskSecrets(book);
      return { places, book };
    })
  };
  writeFileSync(`${process.env.GT_SECURE_CORPUS}.found`, JSON.stringify(found));
});

test('a notebook of 5 MB is searched within the time that a person does not notice', () => {
  const line = 'epoch 12 of 40: loss=0.1234 token accuracy 0.99, signature lorem ipsum dolor sit amet\n';
  const outputs = Array.from({ length: 50 }, () => ({ text: line.repeat(Math.ceil(100_000 / line.length)) }));
  const book = { cells: [{ source: '', metadata: {}, outputs }], metadata: {} };
  const cost = (call: () => void) => {
    const costs = Array.from({ length: 5 }, () => {
      const start = process.cpuUsage();
      call();
      const { user, system } = process.cpuUsage(start);
      return (user + system) / 1000;
    });
    return costs.sort((a, b) => a - b)[2];
  };
  const median = cost(() => assert.deepEqual(findSecrets(book), []));
  const copying = cost(() => JSON.parse(JSON.stringify(book)));
  console.log(`5 MB: searched in ${median.toFixed(1)} ms, copied as JSON in ${copying.toFixed(1)} ms`);
  assert.ok(median < 10 * copying + 60, `${median} ms`);
});

test('a hostile text takes time that grows with its length, and what is not searched is found as such', () => {
  const cost = (text: string) => {
    const start = process.cpuUsage();
    const found = find(text);
    const { user, system } = process.cpuUsage(start);
    return { time: user + system, refused: found.some(({ what }) => what === NOT_SEARCHED) };
  };
  const least = (text: string) => Math.min(...[1, 2, 3].map(() => cost(text).time));
  for (const part of ['IQoJ', 'IQoJ-', 'eyJ-', 'xai--', 'AKIA', 'token\t|', `://a:${'@'.repeat(200)}`]) {
    const [short, long] = [50_000, 200_000].map(size => part.repeat(size / part.length));
    assert.ok(least(long) < 12 * least(short) + 20_000, part);
    assert.equal(cost(long).refused, /[-@]$/.test(part), part);
  }
});
