/** Finds secrets in text, however they are spelled. Python has the same in `recogniser.py`, with the same table. */

import table from './kinds.json';

/** A secret in a text: where it is, and its kind. */
export interface ISpan {
  start: number;
  end: number;
  what: string;
}

interface IRule {
  what: string;
  case: boolean;
  pattern: RegExp;
  before?: RegExp;
  unless?: RegExp;
  check: string;
  /** Whether the anchor is a name that a value follows. */
  named: boolean;
}

interface IKind {
  what: string;
  anchors: string[];
  pattern: string;
  case?: boolean;
  before?: string;
  unless?: string;
  check?: string;
}

type Change = [start: number, end: number, char: string];

export const MASK = table.mask;
export const { lists } = table;
const entities = table.entities as Record<string, string>;
const parts = table.parts as Record<string, string>;

function compiled(pattern: string, flags: string): RegExp {
  for (let filled = ''; filled !== pattern; ) {
    [filled, pattern] = [pattern, pattern.replace(/<([A-Z]+)>/g, (_, name: string) => parts[name])];
  }
  return new RegExp(pattern, flags);
}

/** The patterns of the table by their name. */
export const patterns = Object.fromEntries(
  Object.entries(table.patterns).map(([name, text]) => [name, compiled(text, 'gm')])
) as Record<keyof typeof table.patterns, RegExp>;
const words = Object.fromEntries(
  Object.entries(table.words).map(([name, text]) => [name, compiled(text, 'i')])
) as Record<keyof typeof table.words, RegExp>;

export const kinds = [...new Set((table.kinds as IKind[]).map(({ what }) => what))];
const order = new Map(kinds.map((what, i) => [what, i]));
const anchors: { text: string; rules: IRule[] }[] = [];
for (const kind of table.kinds as IKind[]) {
  const fold = kind.case ? '' : 'i';
  const rule: IRule = {
    what: kind.what,
    case: Boolean(kind.case),
    pattern: compiled(kind.pattern, `${fold}y`),
    before: kind.before === undefined ? undefined : compiled(kind.before, fold),
    unless: kind.unless === undefined ? undefined : compiled(kind.unless, fold),
    check: kind.check ?? '',
    named: /<(?:GAP|NAMED)>/.test(kind.pattern)
  };
  for (const text of kind.anchors) {
    const known = anchors.find(each => each.text === text && each.rules[0].case === rule.case);
    if (known) {
      known.rules.push(rule);
    } else {
      anchors.push({ text, rules: [rule] });
    }
  }
}

/**
 * For a scan that steps over letters which begin no anchor: two letters are looked at in one step.
 *
 * A letter is one of a class, which is the same for both cases; all that no anchor has are of class 0.
 */
const LEAST = Math.min(...anchors.map(({ text }) => text.length));
const CLASSES = new Uint8Array(128);
[...new Set(anchors.map(({ text }) => text.toLowerCase()).join(''))].forEach((char, i) => {
  CLASSES[char.charCodeAt(0)] = CLASSES[char.toUpperCase().charCodeAt(0)] = i + 1;
});
const STEPS = new Uint8Array(1 << 12).fill(LEAST - 1);
const STARTS: (number[] | undefined)[] = [];
anchors.forEach(({ text }, i) => {
  for (let j = 0; j + 1 < LEAST; j++) {
    const pair = (CLASSES[text.charCodeAt(j)] << 6) | CLASSES[text.charCodeAt(j + 1)];
    STEPS[pair] = Math.min(STEPS[pair], LEAST - 2 - j);
    if (j === LEAST - 2) {
      (STARTS[pair] ??= []).push(i);
    }
  }
});

/** Where each anchor is in a text; undefined for an anchor that is nowhere. */
function hits(text: string): (number[] | undefined)[] {
  const found: (number[] | undefined)[] = [];
  const last = text.length - 1;
  for (let i = LEAST - 2; i < last; ) {
    const one = text.charCodeAt(i);
    const two = text.charCodeAt(i + 1);
    const pair = ((one < 128 ? CLASSES[one] : 0) << 6) | (two < 128 ? CLASSES[two] : 0);
    const step = STEPS[pair];
    if (step) {
      i += step;
      continue;
    }
    const start = i - LEAST + 2;
    for (const index of STARTS[pair] ?? []) {
      const { text: anchor, rules } = anchors[index];
      const here = text.slice(start, start + anchor.length);
      if (here === anchor || (!rules[0].case && here.toLowerCase() === anchor)) {
        (found[index] ??= []).push(start);
      }
    }
    i += 1;
  }
  return found;
}

/** A text after decoding, with the place of each character in the text as it was given. */
class View {
  constructor(public text: string) {}

  /** Where a character begins in the given text. */
  raw(position: number): number {
    const i = this._first(position + 1) - 1;
    return this._raw[i] + position - this._at[i];
  }

  /** Where the character before this position ends in the given text. */
  rawEnd(position: number): number {
    const i = this._first(position);
    return this._at[i] === position ? this._raw[i] : this.raw(position);
  }

  /** Replace parts of the text, which are in order, by a character or nothing. */
  replace(changes: Change[]): void {
    const pieces: string[] = [];
    const at: number[] = [];
    const raw: number[] = [];
    let [last, length, old] = [0, 0, 0];
    const end = this.text.length;
    for (const [start, stop, char] of [...changes, [end, end, ''] as Change]) {
      for (; old < this._at.length && this._at[old] <= start; old++) {
        at.push(length + this._at[old] - last);
        raw.push(this._raw[old]);
      }
      while (old < this._at.length && this._at[old] < stop) {
        old++;
      }
      pieces.push(this.text.slice(last, start), char);
      at.push(length + start - last, length + start - last + char.length);
      raw.push(this.raw(start), this.rawEnd(stop));
      length += start - last + char.length;
      last = stop;
    }
    this.text = pieces.join('');
    this._at = at;
    this._raw = raw;
  }

  /** The first place in the list that is not before a position. */
  private _first(position: number): number {
    let [low, high] = [0, this._at.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this._at[middle] < position) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

  private _at = [0];
  private _raw = [0];
}

const ROUNDS = 8;

function decode(text: string): View {
  const view = new View(text);
  for (let round = 0; round < ROUNDS; round++) {
    if (!lists.escapes_begin.some(begin => view.text.includes(begin))) {
      break;
    }
    const changes: Change[] = [];
    for (const found of view.text.matchAll(patterns.escape)) {
      const char = meaning(found[0]);
      if (char !== null) {
        changes.push([found.index, found.index + found[0].length, char]);
      }
    }
    if (!changes.length) {
      break;
    }
    view.replace(changes);
  }
  return view;
}

const SHORT: Record<string, string> = { '/': '/', n: '\n', r: '\n', t: '\t' };

/** The character that an escape stands for; null if it matters to no secret. */
function meaning(escape: string): string | null {
  const first = escape[0];
  let code: number;
  if (first === '%') {
    code = parseInt(escape.slice(-2), 16);
  } else if (first === '\\') {
    const short = SHORT[escape[escape.length - 1]];
    if (short) {
      return short;
    }
    code = parseInt(escape.replace(/\}$/, '').slice(-2), 16);
  } else if (first === '&') {
    const ended = escape.endsWith(';');
    const name = escape.slice(1, ended ? -1 : undefined);
    if (name[0] !== '#') {
      const known = ended ? (entities[name] ?? entities[name.toLowerCase()]) : undefined;
      return known ?? (['amp', 'lt', 'gt', 'quot'].includes(name) ? entities[name] : null);
    }
    code = /^#x/i.test(name) ? parseInt(name.slice(2), 16) : parseInt(name.slice(1), 10);
  } else {
    return escape === '=3D' ? '=' : '';
  }
  return code === 0 ? '' : code < 0x80 ? String.fromCharCode(code) : null;
}

/** Find the secrets of a text, in order, and apart from each other. */
export function find(text: string, nested = true): ISpan[] {
  const view = decode(text);
  const spans = matches(view.text);
  if (view.text.includes('\n')) {
    spans.push(...wrapped(view.text));
  }
  if (nested) {
    spans.push(...inBase64(view.text));
  }
  return apart(spans.map(({ start, end, what }) => ({ start: view.raw(start), end: view.rawEnd(end), what })));
}

/** Unite spans that overlap. */
function apart(spans: ISpan[]): ISpan[] {
  const result: ISpan[] = [];
  for (const span of spans.sort((a, b) => a.start - b.start || a.end - b.end)) {
    const last = result[result.length - 1];
    if (last && span.start < last.end) {
      last.end = Math.max(last.end, span.end);
      last.what = order.get(span.what)! < order.get(last.what)! ? span.what : last.what;
    } else if (span.end > span.start) {
      result.push(span);
    }
  }
  return result;
}

const NEAR = 40;

const guard = new RegExp(words.guard.source, 'iy');

/** Try each rule where one of its anchors is. */
function matches(text: string): ISpan[] {
  const spans: ISpan[] = [];
  hits(text).forEach((places, index) => {
    let after = 0;
    for (const at of places ?? []) {
      if (at < after) {
        continue;
      }
      guard.lastIndex = at + anchors[index].text.length;
      const followed = !/\w$/.test(anchors[index].text) || guard.test(text);
      const before = text.slice(Math.max(0, at - NEAR), at);
      for (const rule of anchors[index].rules) {
        if ((rule.named && !followed) || rule.unless?.test(before)) {
          continue;
        }
        rule.pattern.lastIndex = at;
        const found = rule.pattern.exec(text);
        if (found && (!rule.before || rule.before.test(before)) && fits(rule, text, found)) {
          const start = at + found[1].length;
          spans.push({ start, end: at + found[0].length, what: rule.what });
          after = Math.max(after, start);
        }
      }
    }
  });
  return spans;
}

function fits(rule: IRule, text: string, found: RegExpExecArray): boolean {
  const start = found.index + found[1].length;
  const value = found[0].slice(found[1].length);
  return (
    !isExample(value) && CHECKS[rule.check](value, '"\'`\u201c\u2018'.includes(text[start - 1] ?? ' '), text, found)
  );
}

/** Whether a value is one of a documentation, or one character repeated. */
function isExample(value: string): boolean {
  return (
    lists.examples.some(example => value.includes(example)) ||
    value.startsWith(MASK) ||
    value === value[0].repeat(value.length)
  );
}

const WIDEST = 240;
const wrapAfter = new RegExp(words.wrap_after.source, 'y');

/** Whether a line ends with a word of twelve letters, and maybe the edge of a table. */
function isWord(text: string, end: number): boolean {
  while (' \t\r|\u2502\u2503'.includes(text[end - 1])) {
    end--;
  }
  const space = text.lastIndexOf(' ', end - 1);
  return end - space > 12;
}

/** Find what goes on in the next line, since a terminal or textwrap broke the line. */
function wrapped(text: string): ISpan[] {
  const groups: [number, number][][] = [];
  for (let line = 0, at = text.indexOf('\n'); at >= 0; line = at + 1, at = text.indexOf('\n', line)) {
    if (at - line < 40 || at - line > WIDEST) {
      continue;
    }
    if (!isWord(text, at)) {
      continue;
    }
    const before = words.wrap_before.exec(text.slice(at - 32, at));
    wrapAfter.lastIndex = at;
    const after = before && wrapAfter.exec(text);
    if (!before || !after) {
      continue;
    }
    const [start, end] = [at - before[1].length, at + after[0].length];
    const group = groups[groups.length - 1];
    if (group && start - group[group.length - 1][1] <= WIDEST) {
      group.push([start, end]);
    } else {
      groups.push([[start, end]]);
    }
  }
  const spans: ISpan[] = [];
  for (const group of groups) {
    const [first, last] = [group[0][0], group[group.length - 1][1]];
    const begin = Math.max(0, text.lastIndexOf('\n', first - 1), first - 2 * WIDEST);
    const stop = text.indexOf('\n', last);
    const view = new View(text.slice(begin, Math.min(stop < 0 ? text.length : stop, last + 2 * WIDEST)));
    view.replace(group.map(([a, b]) => [a - begin, b - begin, '']));
    for (const span of matches(view.text)) {
      const [start, end] = [begin + view.raw(span.start), begin + view.rawEnd(span.end)];
      if (group.some(([a, b]) => (start < a && b < end) || a < start)) {
        spans.push({ start, end, what: span.what });
      }
    }
  }
  return spans;
}

/** Find runs of base64 that hold a secret; pictures hold none. */
function inBase64(text: string): ISpan[] {
  const spans: ISpan[] = [];
  const run = new RegExp(patterns.run.source, 'y');
  for (const begin of lists.base64) {
    for (let at = text.indexOf(begin); at >= 0; ) {
      run.lastIndex = at + (begin.endsWith(',') ? begin.length : 0);
      const found = run.exec(text);
      if (found && !lists.pictures.some(picture => found[0].startsWith(picture))) {
        const inner = find(fromBase64(found[0]), false);
        if (inner.length) {
          spans.push({ start: found.index, end: found.index + found[0].length, what: inner[0].what });
        }
      }
      at = text.indexOf(begin, found ? found.index + found[0].length : at + 1);
    }
  }
  return spans;
}

/** Decode base64 into text; nothing if it is not text. */
export function fromBase64(run: string): string {
  const data = run.replace(/=+$/, '').replace(/-/g, '+').replace(/_/g, '/');
  if (data.length % 4 === 1) {
    return '';
  }
  const text = atob(data);
  for (let i = 0; i < Math.min(64, text.length); i++) {
    if (text.charCodeAt(i) < 9) {
      return '';
    }
  }
  return text;
}

type Check = (value: string, quoted: boolean, text: string, found: RegExpExecArray) => boolean;

const QUERY = 3000;

/** A signature made with a documented example key opens nothing. */
function signed(value: string, _: boolean, text: string, found: RegExpExecArray): boolean {
  const start = found.index;
  const end = start + found[0].length;
  const head = text.slice(Math.max(0, start - QUERY), start).split(/[\n"'<>`\x00]/);
  const tail = text.slice(end, end + QUERY).split(/[\n"'<> `\x00]/);
  const query = head[head.length - 1] + text.slice(start, end) + tail[0];
  return value.length >= 6 && query.search(patterns.example_key) < 0;
}

/** The value of a name that only a secret has; code that computes it is none. */
function literal(value: string, quoted: boolean, text: string, found: RegExpExecArray): boolean {
  if (!word(value)) {
    return false;
  }
  if (quoted) {
    return value.length >= 8;
  }
  const name = found[1].replace(/[ =:]+$/, '');
  if ((name.includes('-') && found[1].includes('=')) || text[found.index - 1] === '-') {
    return value.length >= 6;
  }
  const next = text[found.index + found[0].length] ?? ' ';
  return value.length >= 12 && !'([.'.includes(next) && /[0-9]/.test(value);
}

function word(value: string): boolean {
  return !words.placeholder.test(value);
}

function varied(value: string): number {
  return new Set(value).size;
}

function isRandom(value: string): boolean {
  return word(value) && !words.opaque.test(value);
}

function digits(value: string): boolean {
  return /[0-9]/.test(value) && varied(value) >= 6 && !value.includes('XXXX');
}

function cases(value: string): boolean {
  return /[a-z]/.test(value) && /[A-Z]/.test(value) && varied(value) >= 10;
}

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** The CRC-32 of a text in base 62: the last six characters of a token of GitHub or npm. */
function checksum(body: string): string {
  let crc = ~0;
  for (let i = 0; i < body.length; i++) {
    crc ^= body.charCodeAt(i);
    for (let bit = 0; bit < 8; bit++) {
      crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
    }
  }
  let result = '';
  for (let rest = ~crc >>> 0; rest; rest = Math.floor(rest / 62)) {
    result = BASE62[rest % 62] + result;
  }
  return result.padStart(6, '0');
}

const CHECKS: Record<string, Check> = {
  '': () => true,
  value: value => !/^(?:[<${]|\.\.\.)/.test(value),
  signed,
  literal,
  word,
  password: (value, quoted) =>
    (/[^a-zA-Z]/.test(value) || (quoted && /[A-Z]/.test(value) && /[a-z]/.test(value))) &&
    varied(value) >= 4 &&
    isRandom(value),
  token: value =>
    /[0-9]/.test(value) && /[a-zA-Z]/.test(value) && varied(value) >= 8 && isRandom(value) && !value.includes(' '),
  mixed: value => digits(value) && cases(value),
  cases,
  digits,
  varied: value => varied(value.slice(4)) >= 5,
  crc32: value => {
    const body = value.slice(value.indexOf('_') + 1);
    return checksum(body.slice(0, -6)) === body.slice(-6);
  },
  jwt: value => {
    const head = fromBase64(value.split('.')[0]);
    return head.startsWith('{') && ['"alg"', '"typ"', '"enc"'].some(name => head.includes(name));
  }
};
