import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { KernelMessage } from '@jupyterlab/services';

import { FIRST_WAIT_MS, LONGEST_WAIT_MS, RestartWatch } from '../src/restart_watch';

/** A clock that a test moves. */
class Clock {
  readonly later = (action: () => void, ms: number): (() => void) => {
    this.waits.push(ms);
    this._action = action;
    return () => (this._action = null);
  };

  pass(): void {
    const action = this._action;
    this._action = null;
    action?.();
  }

  readonly waits: number[] = [];
  private _action: (() => void) | null = null;
}

function status(state: string, parent: string, session = 'page'): KernelMessage.IIOPubMessage {
  return {
    header: { msg_type: 'status' },
    content: { execution_state: state },
    parent_header: parent ? { msg_type: parent, session } : {}
  } as unknown as KernelMessage.IIOPubMessage;
}

const BACK = status('idle', 'kernel_info_request');

test('a kernel is back when it has answered the question of this page', () => {
  const watch = new RestartWatch(new Clock().later);
  assert.equal(watch.isBack(BACK, 'page'), false);
  watch.begin('died', () => assert.fail('no silence, no new connection'));
  assert.equal(watch.isBack(BACK, 'page'), false, 'not before the page is connected');
  watch.connected();
  assert.equal(watch.isBack(status('busy', 'kernel_info_request'), 'page'), false);
  assert.equal(watch.isBack(status('restarting', ''), 'page'), false);
  assert.equal(watch.isBack(status('idle', 'execute_request'), 'page'), false, 'of the old kernel, delivered late');
  assert.equal(watch.isBack(status('idle', 'kernel_info_request', 'other'), 'page'), false);
  assert.equal(watch.isBack(BACK, 'page'), true);
  assert.equal(watch.why, 'died');
  watch.end();
  assert.equal(watch.isBack(BACK, 'page'), false, 'once');
  assert.equal(watch.why, '');
});

test('a connection that tells nothing is made anew, ever less often', () => {
  const clock = new Clock();
  let made = 0;
  const watch = new RestartWatch(clock.later);
  watch.begin('restarted', () => {
    made++;
    watch.connected(); // as the page reports it: no second clock starts
  });
  watch.connected();
  for (let i = 0; i < 5; i++) {
    clock.pass();
  }
  assert.equal(made, 5);
  assert.deepEqual(clock.waits, [
    FIRST_WAIT_MS,
    2 * FIRST_WAIT_MS,
    4 * FIRST_WAIT_MS,
    LONGEST_WAIT_MS,
    LONGEST_WAIT_MS,
    LONGEST_WAIT_MS
  ]);
  assert.equal(watch.isBack(BACK, 'page'), true);
  watch.end();
  clock.pass();
  assert.equal(made, 5);
});

test('a second death starts the wait anew', () => {
  const clock = new Clock();
  const watch = new RestartWatch(clock.later);
  watch.begin('died', () => undefined);
  watch.connected();
  clock.pass();
  watch.begin('died', () => undefined);
  assert.equal(watch.isBack(BACK, 'page'), false);
  watch.connected();
  assert.deepEqual(clock.waits, [FIRST_WAIT_MS, 2 * FIRST_WAIT_MS, FIRST_WAIT_MS]);
});
