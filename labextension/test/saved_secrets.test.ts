import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import test from 'node:test';

import { findSecrets, masked, maskSecrets, secretsIn } from '../src/saved_secrets';

const notebook = (text: string) => ({
  cells: [{ cell_type: 'code', source: '1', metadata: {}, outputs: [{ text: [text] }] }],
  metadata: {},
  nbformat: 4
});
const KEY = 'AKIA' + 'IOSFODNN7EXAMPLE';

test('a secret is found, masked once, and the rest of the text stays', () => {
  const book = notebook(`a\nurl?X-Amz-Date=1&X-Amz-Signature=${'0f'.repeat(32)}&x=1\n`);
  assert.deepEqual(findSecrets(book), [{ place: 'cell 0, output', what: 'the signature of a presigned URL' }]);
  maskSecrets(book);
  assert.deepEqual(book.cells[0].outputs, [{ text: ['a\nurl?X-Amz-Date=1&X-Amz-Signature=***&x=1\n'] }]);
  assert.deepEqual(findSecrets(book), []);
});

test('what was decided about is known by the secrets themselves', () => {
  const secrets = new Set<string>();
  secretsIn(`${KEY} and ${KEY.replace('7', '8')} and ${KEY}`, secrets);
  assert.equal(secrets.size, 2);
  assert.equal(masked(`id ${KEY}.`), 'id ***.');
});

/** For the comparison with Python: what is found in each notebook of a file, and what the masked ones are. */
test('the notebooks of a file', { skip: !process.env.GT_SECURE_CORPUS }, () => {
  const books = JSON.parse(readFileSync(process.env.GT_SECURE_CORPUS!, 'utf-8')) as Record<string, unknown>[];
  const found = books.map(book => {
    const places = findSecrets(book);
    maskSecrets(book);
    return { places, book };
  });
  writeFileSync(`${process.env.GT_SECURE_CORPUS}.found`, JSON.stringify(found));
});

test('a notebook of 5 MB takes a fraction of what it takes to save it', () => {
  const line = 'epoch 12 of 40: loss=0.1234 token accuracy 0.99, signature lorem ipsum dolor sit amet\n';
  const outputs = Array.from({ length: 50 }, () => ({ text: line.repeat(Math.ceil(100_000 / line.length)) }));
  const book = { cells: [{ source: '', metadata: {}, outputs }], metadata: {} };
  findSecrets(book);
  const times = [0, 1, 2, 3, 4].map(() => {
    const start = performance.now();
    assert.deepEqual(findSecrets(book), []);
    return performance.now() - start;
  });
  const median = times.sort((a, b) => a - b)[2];
  const start = performance.now();
  JSON.parse(JSON.stringify(book));
  const copying = performance.now() - start;
  console.log(`5 MB: searched in ${median.toFixed(1)} ms, copied as JSON in ${copying.toFixed(1)} ms`);
  assert.ok(median < 4 * copying + 30, `${median} ms`);
});
