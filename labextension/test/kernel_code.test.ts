import assert from 'node:assert/strict';
import test from 'node:test';

import type { KernelMessage } from '@jupyterlab/services';

import { outcomeOf, panelCell, quoted, showPanelCode, testCell } from '../src/kernel_code';
import { DEFAULTS, readChoices } from '../src/settings';

const reply = (content: object) => ({ content }) as unknown as KernelMessage.IExecuteReplyMsg;

test('text from settings stays text in Python', () => {
  assert.equal(quoted('a"b\\c\n'), '"a\\"b\\\\c\\n"');
  assert.equal(quoted('é\u2028'), '"\\u00e9\\u2028"');
  assert.equal(quoted('")\nimport os'), '"\\")\\nimport os"');
});

test('only what is set is passed on', () => {
  assert.match(showPanelCode(DEFAULTS), /_gt_secure_show\(\)$/);
  const code = showPanelCode({ ...DEFAULTS, region: 'us-east-1', team: 't' });
  assert.match(code, /_gt_secure_show\(region="us-east-1", team="t"\)$/);
  assert.match(showPanelCode(DEFAULTS, '{"team":"t"}'), /_gt_secure_show\(entries="{\\"team\\":\\"t\\"}"\)$/);
  assert.match(panelCell(DEFAULTS), /gt_secure\.panel\(\)$/);
  const cell = panelCell({ ...DEFAULTS, profile: 'p', bucket: 'b' });
  assert.match(cell, /gt_secure\.panel\(gt_secure\.connect\(profile="p"\), bucket="b"\)$/);
  assert.match(testCell({ ...DEFAULTS, team: 't' }), /"t",\n/);
});

test('the outcome tells a missing package from any other failure', () => {
  const error = (ename: string, evalue: string) => reply({ status: 'error', ename, evalue });
  assert.equal(outcomeOf(reply({ status: 'ok' })), 'shown');
  assert.equal(outcomeOf(error('ModuleNotFoundError', "No module named 'gt_secure'")), 'missing');
  assert.equal(outcomeOf(error('ModuleNotFoundError', "No module named 'gt_secure.widgets.lab_tab'")), 'too old');
  assert.equal(outcomeOf(error('ModuleNotFoundError', "No module named 'boto3'")), 'failed');
  assert.equal(outcomeOf(error('ValueError', "No module named 'gt_secure'")), 'failed');
  assert.equal(outcomeOf(undefined), 'failed');
});

test('a setting of another type keeps its default', () => {
  const values: Record<string, unknown> = { team: 7, region: ' eu-west-1 ', showStatus: 'no' };
  const settings = { get: (name: string) => ({ composite: values[name] }) };
  const choices = readChoices(settings as unknown as Parameters<typeof readChoices>[0]);
  assert.deepEqual(choices, { ...DEFAULTS, region: 'eu-west-1' });
});
