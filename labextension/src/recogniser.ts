/** Finds secrets in text, however they are spelled. Python has the same in `recogniser.py`, with the same table. */

import { Copies, first } from './breaks';
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
  /** Where the pattern is tried: where this is before the anchor; at the anchor if empty. */
  back: string;
}

interface IKind {
  what: string;
  anchors: string[];
  pattern: string;
  case?: boolean;
  before?: string;
  unless?: string;
  check?: string;
  back?: string;
}

/** What was replaced: its start and end in the text before, and the length of what is there now. */
type Change = [start: number, end: number, length: number];

/** A literal that is looked up: in lower case, unless it minds the case. */
interface IAnchor {
  text: string;
  case: boolean;
  rules: IRule[];
}

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

/** A pattern of the table that fits at one place. */
export function sticky(name: keyof typeof patterns): RegExp {
  return new RegExp(patterns[name].source, 'y');
}

/** The kind of a refused run: it is masked, since it may hold a secret. */
export const NOT_SEARCHED = 'text that was not searched, since it would take too long';
export const kinds = [...new Set((table.kinds as IKind[]).map(({ what }) => what))];
const order = new Map([NOT_SEARCHED, ...kinds].map((what, i) => [what, i]));
const anchors: IAnchor[] = [];
for (const kind of table.kinds as IKind[]) {
  const fold = kind.case ? '' : 'i';
  const rule: IRule = {
    what: kind.what,
    case: Boolean(kind.case),
    pattern: compiled(kind.pattern, `${fold}y`),
    before: kind.before === undefined ? undefined : compiled(kind.before, fold),
    unless: kind.unless === undefined ? undefined : compiled(kind.unless, fold),
    check: kind.check ?? '',
    back: kind.back ?? '',
    named: /<(?:GAP|NAMED)>/.test(kind.pattern)
  };
  for (const text of kind.anchors) {
    const known = anchors.find(each => each.text === text && each.case === rule.case);
    if (known) {
      known.rules.push(rule);
    } else {
      anchors.push({ text, case: rule.case, rules: [rule] });
    }
  }
}

/** The patterns of escapes, by what each begins with or has in it. */
const escapes = Object.entries(table.escapes).map(([begin, text]) => [begin, compiled(text, 'gm')] as const);
/** The anchors that have no rule: of base64, and of the rarer escapes. */
const plain = new Map<string, number>();
for (const text of [...lists.base64, ...escapes.map(([begin]) => begin)]) {
  if (text.length > 2) {
    plain.set(text, anchors.push({ text, case: true, rules: [] }) - 1);
  }
}

/** The letters that one of an anchor may be; behind its end it may be any. */
function codes(anchor: IAnchor, at: number): number[] {
  if (at >= anchor.text.length) {
    return [...Array(256).keys()];
  }
  const letter = anchor.text[at];
  return [...new Set(anchor.case ? letter : letter + letter.toUpperCase())].map(each => each.charCodeAt(0));
}

const COMMON = 'xzqjkvbwpygfmucdhlnriotase';

/**
 * The pairs of letters that anchors have at even places, wherever they begin: each second pair of a text is looked up.
 *
 * `PAIR` has a bit for each anchor and pair, `NEXT` the same for the pair behind it.
 */
const PAIR = new Int32Array(1 << 16);
const NEXT = new Int32Array(1 << 16);
const WINDOWS = new Map<number, [anchor: number, offset: number][]>();
anchors.forEach((anchor, number) => {
  for (const odd of anchor.text.length > 1 ? [0, 1] : []) {
    let [at, least] = [odd, Infinity];
    for (let i = odd; i + 1 < anchor.text.length; i += 2) {
      const common = COMMON.indexOf(anchor.text[i].toLowerCase()) + COMMON.indexOf(anchor.text[i + 1].toLowerCase());
      [at, least] = common < least ? [i, common] : [at, least];
    }
    const bit = 1 << (2 * number + odd) % 32;
    for (const one of codes(anchor, at)) {
      for (const two of codes(anchor, at + 1)) {
        const pair = one | (two << 8);
        PAIR[pair] |= bit;
        WINDOWS.set(pair, [...(WINDOWS.get(pair) ?? []), [number, at]]);
      }
    }
    for (const one of codes(anchor, at + 2)) {
      for (const two of codes(anchor, at + 3)) {
        NEXT[one | (two << 8)] |= bit;
      }
    }
  }
});

const encoder = new TextEncoder();

/** A text in ASCII, with a sign for each other character, in pairs. */
function pairsOf(text: string): Uint16Array {
  const bytes = new Uint8Array((text.length + 5) & ~1);
  const { read, written } = encoder.encodeInto(text, bytes);
  if (read !== written || read !== text.length) {
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      bytes[i] = code < 128 ? code : 63;
    }
    bytes.fill(0, text.length);
  }
  return new Uint16Array(bytes.buffer);
}

function isAt(text: string, start: number, anchor: IAnchor): boolean {
  for (let i = 0; i < anchor.text.length; i++) {
    const code = text.charCodeAt(start + i);
    const letter = anchor.case || code < 65 || code > 90 ? code : code + 32;
    if (letter !== anchor.text.charCodeAt(i)) {
      return false;
    }
  }
  return true;
}

/** Where each anchor is in a text; undefined for an anchor that is nowhere. */
function placesOf(text: string): (number[] | undefined)[] {
  const found: (number[] | undefined)[] = [];
  const pairs = pairsOf(text);
  for (let i = 0, last = pairs.length - 1; i < last; i++) {
    if (!PAIR[pairs[i]] || !(PAIR[pairs[i]] & NEXT[pairs[i + 1]])) {
      continue;
    }
    for (const [number, offset] of WINDOWS.get(pairs[i])!) {
      const start = 2 * i - offset;
      if (isAt(text, start, anchors[number])) {
        (found[number] ??= []).push(start);
      }
    }
  }
  found.forEach(places => places?.sort((a, b) => a - b));
  anchors.forEach(({ text: letter }, number) => {
    for (let at = letter.length > 1 ? -1 : text.indexOf(letter); at >= 0; at = text.indexOf(letter, at + 1)) {
      (found[number] ??= []).push(at);
    }
  });
  return found;
}

/** A text after decoding, with the place of each character in the text as it was given. */
class View {
  constructor(public text: string) {}

  /** Where the anchors are. */
  get places(): (number[] | undefined)[] {
    return (this._places ??= placesOf(this.text));
  }

  /** Where a character begins in the given text. */
  raw(position: number): number {
    for (const [now, before] of this._maps()) {
      const i = first(now, position + 1) - 1;
      position += before[i] - now[i];
    }
    return position;
  }

  /** Where the character before this position ends in the given text. */
  rawEnd(position: number): number {
    for (const [now, before] of this._maps()) {
      const found = first(now, position);
      const i = now[found] === position ? found : found - 1;
      position += before[i] - now[i];
    }
    return position;
  }

  /** Secrets with their places in the given text. */
  given(spans: ISpan[]): ISpan[] {
    return spans.map(({ start, end, what }) => ({ start: this.raw(start), end: this.rawEnd(end), what }));
  }

  /** Replace one kind of escape by what it stands for. */
  undo(escape: RegExp, begin: string): void {
    const before = this.text;
    const same = '%&\\'.includes(begin) ? null : meaning(begin);
    if (begin === '&' && !/&(?!amp;)/.test(before)) {
      this.text = before.replaceAll('&amp;', '&'); // as in most tables in HTML
    } else {
      this.text = same === null ? before.replace(escape, meaning) : before.replace(escape, same);
    }
    if (this.text !== before) {
      this._places = undefined;
      this._steps.push(() =>
        [...before.matchAll(escape)].map(({ 0: text, index }) => [index, index + text.length, meaning(text).length])
      );
    }
  }

  /** Leave out parts of the text, which are in order. */
  remove(ranges: [number, number][]): void {
    const starts = [0, ...ranges.map(([, end]) => end)];
    this.text = starts.map((start, i) => this.text.slice(start, ranges[i]?.[0])).join('');
    this._steps.push(() => ranges.map(([start, end]) => [start, end, 0]));
  }

  /** For each step, the last first: places in the new text, and the same places in the one before. */
  private _maps(): [number[], number[]][] {
    this._known ??= this._steps.reverse().map(step => {
      const [now, before] = [[0], [0]];
      for (const [start, end, length] of step()) {
        const at = start + now[now.length - 1] - before[before.length - 1];
        now.push(at, at + length);
        before.push(start, end);
      }
      return [now, before];
    });
    return this._known;
  }

  private readonly _steps: (() => Change[])[] = [];
  private _known?: [number[], number[]][];
  private _places?: (number[] | undefined)[];
}

const ROUNDS = 8;
/** Signs that may make an escape of the letters behind them. */
const ESCAPING = '\\%&';

/** Undo escapes until nothing is left to undo, except those that begin with a kept sign. */
export function decode(text: string, kept = ''): View {
  const view = new View(text);
  for (let round = 0; round < ROUNDS; round++) {
    const before = view.text;
    for (const rare of [false, true]) {
      for (const [begin, escape] of view.text === before ? escapes : []) {
        const known = plain.get(begin);
        if (
          rare === begin.length > 1 &&
          !kept.includes(begin) &&
          (known === undefined ? view.text.includes(begin) : view.places[known])
        ) {
          view.undo(escape, begin);
        }
      }
    }
    if (view.text === before) {
      break;
    }
  }
  return view;
}

const SHORT: Record<string, string> = { '/': '/', n: '\n', r: '\n', t: '\t' };

/** The character that an escape stands for; the escape itself if it matters to no secret. */
function meaning(escape: string): string {
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
      return known ?? (['amp', 'lt', 'gt', 'quot'].includes(name) ? entities[name] : escape);
    }
    code = /^#x/i.test(name) ? parseInt(name.slice(2), 16) : parseInt(name.slice(1), 10);
  } else {
    return { '=3D': '=', '=20': ' ' }[escape] ?? '';
  }
  return code === 0 ? '' : code < 0x80 ? String.fromCharCode(code) : escape;
}

/** Find the secrets of a text, in order, and apart from each other. */
export function find(text: string, nested = 2): ISpan[] {
  const view = decode(text);
  const whole = matches(view);
  const spans = [...whole, ...broken(view, whole), ...(nested ? inBase64(view, nested - 1) : [])];
  const marks = view.text.includes('span') ? [...view.text.matchAll(patterns.markup)] : [];
  if (marks.length) {
    const bare = new View(view.text);
    bare.remove(marks.map(({ 0: mark, index }) => [index, index + mark.length]));
    spans.push(...bare.given(matches(bare)));
  }
  const found = view.given(spans);
  const bare = view.text === text ? view : decode(text, ESCAPING);
  if (bare.text !== view.text) {
    // a separator may make an escape of the letters behind it
    found.push(...bare.given(broken(bare, found, ESCAPING)));
  }
  return apart(found);
}

/** Unite spans that overlap. */
function apart(spans: ISpan[]): ISpan[] {
  const result: ISpan[] = [];
  for (const span of spans.sort((a, b) => a.start - b.start || a.end - b.end)) {
    const last = result.at(-1);
    if (last && span.start < last.end) {
      last.end = Math.max(last.end, span.end);
      last.what = order.get(span.what)! < order.get(last.what)! ? span.what : last.what;
    } else if (span.end > span.start) {
      result.push(span);
    }
  }
  return result;
}

const [CLOSE, NEAR, FAR] = [16, 40, 300];

const guard = new RegExp(words.guard.source, 'iy');
/** A word of prose behind a name: the guard, which looks for more, would not let it through either. */
const prose = / (?!access|key)[a-z]+[ \t\r\n,;)]/iy;

/** Whether a value may be behind a name. */
function isFollowed(text: string, end: number): boolean {
  prose.lastIndex = guard.lastIndex = end;
  return !prose.test(text) && guard.test(text);
}

/** Try each rule where one of its anchors is; what takes too long is refused, and so is what adds nothing to the text. */
function matches({ text, places }: View, copies?: Copies): ISpan[] {
  const spans: ISpan[] = [];
  const runs = new Runs(text);
  places.forEach((starts, index) => {
    let [after, tried] = [0, -1];
    const isName = /\w$/.test(anchors[index].text);
    for (const at of anchors[index].rules.length ? starts! : []) {
      if (at < after) {
        continue;
      }
      const followed = !isName || isFollowed(text, at + anchors[index].text.length);
      const before = text.slice(Math.max(0, at - NEAR), at);
      const run = runs.around(at);
      for (const rule of anchors[index].rules) {
        const place = rule.back ? lastBefore(text, at, rule.back) : at;
        if (place <= tried || (rule.named && !followed)) {
          continue;
        }
        if (run >= 0 && !(allows(rule, before) && runs.pays(run, at))) {
          continue;
        }
        tried = rule.back ? place : tried;
        rule.pattern.lastIndex = place;
        const found = rule.pattern.exec(text);
        if (!found) {
          continue;
        }
        const [start, end] = [place + found[1].length, place + found[0].length];
        const adds = copies?.adds(rule.pattern, place, start, end) ?? true;
        if (adds && (run >= 0 || allows(rule, before)) && fits(rule, text, found)) {
          spans.push({ start, end, what: rule.what });
          after = Math.max(after, start);
        }
      }
    }
  });
  return [...spans, ...runs.refused()];
}

/** How often a long run is searched from one of its places to its end, before it is refused. */
const TRIES = 12;

const LONG = 200;
const ENCODED = 40;
const GRAPHIC = lettersOf(patterns.long, LONG);
const LETTERS = lettersOf(patterns.encoded, ENCODED);

/** The letters of ASCII of which a run fits. */
function lettersOf(pattern: RegExp, least: number): Uint8Array {
  const whole = new RegExp(pattern.source);
  return Uint8Array.from({ length: 128 }, (_, code) => Number(whole.test(String.fromCharCode(code).repeat(least))));
}

/** Where the long runs of some letters begin and end. Only each place that none of them can miss is looked at first. */
function* runsOf(text: string, letters: Uint8Array, least: number): Generator<[start: number, end: number]> {
  let end = 0;
  for (let at = least - 1; at < text.length; at += least) {
    if (at < end || !letters[text.charCodeAt(at)]) {
      continue;
    }
    let start = at;
    while (start > end && letters[text.charCodeAt(start - 1)]) {
      start--;
    }
    for (end = at + 1; letters[text.charCodeAt(end)]; end++);
    if (end - start >= least) {
      yield [start, end];
    }
  }
}

/** The long runs of a text without a space, each with the number of letters that may still be read in it. */
class Runs {
  constructor(private readonly _text: string) {}

  /** The number of the run around a place; -1 if there is none. */
  around(at: number): number {
    this._known ??= [...runsOf(this._text, GRAPHIC, LONG)];
    this._starts ??= this._known.map(([start]) => start);
    const i = first(this._starts, at + 1) - 1;
    return i >= 0 && at < this._known[i][1] ? i : -1;
  }

  /** Whether a pattern may be tried at a place of a run; what it reads is counted. */
  pays(run: number, at: number): boolean {
    this._left ??= this._known!.map(([start, end]) => TRIES * (end - start));
    this._left[run] -= this._known![run][1] - at;
    return this._left[run] >= 0;
  }

  /** The runs in which not every pattern was tried. */
  refused(): ISpan[] {
    const runs = (this._known ?? []).map(([start, end]) => ({ start, end, what: NOT_SEARCHED }));
    return this._left ? runs.filter((_, i) => this._left![i] < 0) : [];
  }

  private _known?: [number, number][];
  private _starts?: number[];
  private _left?: number[];
}

/** Where a text is last before a position, and not far from it. */
function lastBefore(text: string, position: number, what: string): number {
  const start = Math.max(0, position - FAR);
  const found = text.slice(start, position).lastIndexOf(what);
  return found < 0 ? found : start + found;
}

/** Whether the text before an anchor fits. */
function allows({ unless, before }: IRule, text: string): boolean {
  return (!before || before.test(text)) && !unless?.test(text.slice(-CLOSE));
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

/** Find what separators with one of some ends break, apart from what is whole. */
function broken(view: View, found: ISpan[], ends = ''): ISpan[] {
  const copies = new Copies(view.text, patterns.gap, ends, found.length);
  if (!copies.text) {
    return [];
  }
  const spans = matches(new View(copies.text), copies);
  return spans
    .filter(({ what }) => what !== NOT_SEARCHED)
    .map(({ start, end, what }) => {
      const [begin, stop] = copies.given(start, end);
      return { start: begin, end: stop, what };
    });
}

/** Find runs of base64 that hold a secret; what begins as a picture or other data holds none. */
function inBase64({ text, places }: View, nested: number): ISpan[] {
  const spans: ISpan[] = [];
  const add = (start: number, length: number, inner: string) => {
    const held = inner ? find(inner, nested) : [];
    if (held.length) {
      spans.push({ start, end: start + length, what: held[0].what });
    }
  };
  for (const begin of lists.base64) {
    let after = 0;
    for (const at of places[plain.get(begin)!] ?? []) {
      const start = at + (begin.endsWith(',') ? begin.length : 0);
      if (at < after || !isText(text, start)) {
        continue;
      }
      run.lastIndex = start;
      const [found] = run.exec(text)!;
      after = start + found.length;
      add(start, found.length, fromBase64(found));
    }
  }
  let after = 0;
  for (const [start] of runsOf(text, LETTERS, ENCODED)) {
    if (start < after) {
      continue;
    }
    encoded.lastIndex = start;
    const [found] = encoded.exec(text)!;
    after = start + found.length;
    if (isPlain(found.slice(0, 64))) {
      const whole = found.replace(/\s+/g, '').replace(/=+$/, '');
      add(start, found.length, fromBase64(whole.slice(0, whole.length - Number(whole.length % 4 === 1))));
    }
  }
  return spans;
}

const readable = sticky('plain');

/** Whether base64 begins as readable text. */
export function isPlain(run: string): boolean {
  const head = run.includes('\n') ? '' : fromBase64(run.slice(0, run.length - (run.length % 4)));
  readable.lastIndex = 0;
  return head !== '' && readable.test(head);
}

const run = sticky('run');
const encoded = sticky('encoded');

/** Whether base64 begins somewhere that is text when it is decoded. */
export function isText(text: string, start = 0): boolean {
  run.lastIndex = 0;
  const head = run.exec(text.slice(start, start + 88))?.[0];
  return head !== undefined && !lists.pictures.some(each => head.startsWith(each)) && fromBase64(head) !== '';
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

/** A signature made with a documented example key opens nothing, and a decimal number is none. */
function signed(value: string, _: boolean, text: string, found: RegExpExecArray): boolean {
  const start = found.index;
  const end = start + found[0].length;
  if (words.decimal.test(value)) {
    return false;
  }
  if (!text.slice(Math.max(0, start - QUERY), end + QUERY).includes('EXAMPLE')) {
    return value.length >= 6;
  }
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

function crc32(value: string): boolean {
  const body = value.slice(value.indexOf('_') + 1);
  return checksum(body.slice(0, -6)) === body.slice(-6);
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
  crc32,
  github: value => crc32(value) || (value.length > 40 && digits(value) && cases(value)),
  argument: value => !/^(?:[<${]|\.\.\.)/.test(value) && word(value) && varied(value) >= 5,
  jwt: value => {
    const head = fromBase64(value.split('.')[0]);
    return head.startsWith('{') && ['"alg"', '"typ"', '"enc"'].some(name => head.includes(name));
  }
};
