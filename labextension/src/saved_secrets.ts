/** Secrets in the data of a notebook: where they are, and how they are masked. Python has the same in `notebooks.py`. */

import { sha256 } from '@noble/hashes/sha2';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils';

import { find, fromBase64, isPlain, isText, kinds, lists, MASK, patterns, sticky } from './recogniser';
import { holdsRest } from './second_look';

/** One kind of secret in one place. */
export interface ISavedSecret {
  /** Such as `cell 3, output`, `the metadata` or `the widget state`; the first cell is 0. */
  place: string;
  /** Such as `the signature of a presigned URL`. */
  what: string;
  /** Begin of the SHA-256 of kind and secret: the same in every notebook, and in Python. */
  id: string;
}

type Data = Record<string, unknown>;
type Range = [start: number, end: number];

const LEFT_OUT = '*** (left out: it holds a secret)';

/** A text of a notebook: its place, what holds it, and the part of it that begins at `at` in its chunk. */
interface ILeaf {
  place: string;
  owner: Data;
  key: string;
  text: string;
  at: number;
  begin: number;
  end: number;
  /** `name` for the name of a member, `lines` for a list of lines, `whole` for base64. */
  role: string;
  /** The source that it is, if only parts of it may be masked. */
  code: string | null;
}

interface IFound {
  leaf: ILeaf;
  start: number;
  end: number;
  what: string;
}

/** How much text is searched at a time: where there is a secret, this much is decoded again to say where. */
const CHUNK = 1 << 17;

/** Texts one behind the other. */
class Chunk {
  readonly leaves: ILeaf[] = [];
  readonly pieces: string[] = [];
  length = 0;

  /** Put a text behind the others. */
  add(text: string): void {
    this.pieces.push(text);
    this.length += text.length;
  }

  /** Each secret: its text, where it is in that, and its kind. */
  found(): IFound[] {
    const found: IFound[] = [];
    let last = 0;
    for (const span of find(this.pieces.join(''))) {
      while (last + 1 < this.leaves.length && this.leaves[last + 1].at <= span.start) {
        last++;
      }
      for (let i = last; i < this.leaves.length && this.leaves[i].at < span.end; i++) {
        const leaf = this.leaves[i];
        let start = Math.max(span.start - leaf.at + leaf.begin, leaf.begin);
        let end = Math.min(span.end - leaf.at + leaf.begin, leaf.end);
        if (leaf.role === 'whole' && span.end > leaf.at) {
          [start, end] = [0, leaf.text.length];
        }
        if (start < end) {
          found.push({ leaf, start, end, what: span.what });
        }
      }
    }
    return found;
  }
}

/** The texts of a notebook in chunks; no secret goes on in the next part of a notebook. */
class Texts {
  constructor(book: Data) {
    for (const part of partsOf(book)) {
      this._part = part;
      if (this._chunk.length > CHUNK) {
        this._chunk = new Chunk();
        this._chunks.push(this._chunk);
      }
      this._leaf(part.owner, part.name, part.name, 'name', 0, part.name.length);
      this._add('"\x00\n');
      this._walk(part.owner, part.name, part.value, part.name);
    }
  }

  /** Each secret: its text, where it is in that, and its kind. */
  found(): IFound[] {
    return this._chunks.flatMap(chunk => chunk.found());
  }

  private _add(text: string): void {
    this._chunk.add(text);
  }

  private _leaf(owner: Data, key: string, text: string, role: string, begin: number, end: number): void {
    const { place, code } = this._part!;
    const { leaves, length } = this._chunk;
    leaves.push({ place, owner, key, text, at: length, begin, end, role, code: role === 'name' ? null : code });
    this._add(role === 'whole' ? ofHex(text) || text.replace(/\s+/g, '') : text.slice(begin, end));
  }

  /** Add a value: a text, a list of lines, or what is in it. */
  private _walk(owner: Data, key: string, value: unknown, name: string | null): void {
    if (typeof value === 'string') {
      this._text(owner, key, value, name, '');
    } else if (Array.isArray(value)) {
      const texts = value.length > 0 && value.every(each => typeof each === 'string');
      if (texts && (key === 'traceback' || value.slice(0, -1).every((each: string) => each.endsWith('\n')))) {
        this._text(owner, key, value.join(key === 'traceback' ? '\n' : ''), name, 'lines');
        return;
      }
      for (let i = 0; i < value.length; i++) {
        const each: unknown = value[i];
        if (typeof each === 'string' || Array.isArray(each)) {
          this._add(i ? '", "' : '"');
        }
        const entered = typeof each === 'string' || (typeof each === 'object' && each !== null);
        if (entered && !this._goesOn(value, i)) {
          this._walk(value as unknown as Data, String(i), each, null);
        }
      }
      this._add('"\x00\n');
    } else if (isObject(value)) {
      this._members(value);
    }
  }

  /** Add what a stream printed in one output or several; false for anything else. */
  private _goesOn(outputs: unknown[], number: number): boolean {
    const name = streamOf(outputs[number]);
    if (name === null || (number && name === streamOf(outputs[number - 1]))) {
      return name !== null;
    }
    this._add('"\x00\n'); // the name before it and another stream are no beginning of it
    for (let i = number; i < outputs.length && name === streamOf(outputs[i]); i++) {
      const owner = outputs[i] as Data;
      const whole = Array.isArray(owner.text) ? owner.text.join('') : (owner.text as string);
      this._leaf(owner, 'text', whole, whole === owner.text ? '' : 'lines', 0, whole.length);
    }
    if (this._part!.shown) {
      const first = outputs[number] as Data;
      this._walk(first, 'text', first.text, null);
    }
    return true;
  }

  private _members(data: Data): void {
    this._add('"\x00\n');
    const pair = data.name ?? data.key;
    let named = typeof pair === 'string' && typeof data.value === 'string' ? pair : '';
    if (data._model_name === 'PasswordModel') {
      named = 'password';
    }
    for (const [inner, each] of Object.entries(data)) {
      if (inner === 'value' && named) {
        this._walk(data, inner, each, named);
      } else if (!(inner.startsWith('image/') && typeof each === 'string' && isPicture(each))) {
        this._leaf(data, inner, inner, 'name', 0, inner.length);
        this._walk(data, inner, each, '');
        this._add((typeof each === 'object' && each) || typeof each === 'string' ? '' : '"\x00\n');
      }
    }
  }

  /** Add a text behind the name of its member; what is base64 as a whole is announced as such. */
  private _text(owner: Data, key: string, text: string, name: string | null, role: string): void {
    let [begin, end] = [0, text.length];
    const { shown } = this._part!;
    const bare = (text.length >= 40 || shown) && text.length < 4096 ? text.trim().replace(/^['"]+|['"]+$/g, '') : '';
    const isKey = test('secret_key', bare) && !test('plain', fromBase64(bare));
    const hint = isKey ? 'secret_key' : bare.includes('\n') ? '' : shown;
    const encoded =
      !isKey && !name && text.length >= 40 && ((isText(text) && test('whole', text)) || ofHex(text) !== '');
    if (encoded) {
      role = 'whole';
    } else if (hint && bare) {
      begin = text.indexOf(bare);
      end = begin + bare.length;
      name = `\x00${hint}`;
    }
    if (name !== null) {
      this._add(`${name}="`);
    }
    if (encoded) {
      this._add('base64,');
    }
    this._leaf(owner, key, text, role, begin, end);
    if (name !== null) {
      this._add('"\x00\n');
    }
  }

  private _chunk = new Chunk();
  private readonly _chunks = [this._chunk];
  private _part: IPart | null = null;
}

/** The name of the stream whose text an output is. */
function streamOf(output: unknown): string | null {
  if (!isObject(output) || output.output_type !== 'stream') {
    return null;
  }
  const { name, text } = output;
  const known = typeof text === 'string' || (Array.isArray(text) && text.every(each => typeof each === 'string'));
  return known ? String(name) : null;
}

/** The base64 of a readable text in hexadecimal digits; nothing for anything else. */
function ofHex(text: string): string {
  if (text.length % 2 || !test('hex', text)) {
    return '';
  }
  const found = btoa(text.replace(/../g, pair => String.fromCharCode(parseInt(pair, 16))));
  return isPlain(found.slice(0, 64)) ? found : '';
}

const whole = {
  hex: sticky('hex'),
  secret_key: sticky('secret_key'),
  whole: sticky('whole'),
  plain: sticky('plain')
};

function test(name: keyof typeof whole, text: string): boolean {
  whole[name].lastIndex = 0;
  return whole[name].test(text);
}

/** Find the secrets of a notebook, but those whose ids were accepted: in sources, outputs, metadata and widget state. */
export function findSecrets(book: Data, accepted: string[] = []): ISavedSecret[] {
  const found = new Texts(book).found().map(saved);
  const known = new Map(found.map(each => [`${each.place}\n${each.id}`, each]));
  return [...known.values()].filter(({ id }) => !accepted.includes(id));
}

function saved({ leaf, start, end, what }: IFound): ISavedSecret {
  return { place: leaf.place, what, id: idOf(what, leaf.text.slice(start, end)) };
}

function idOf(what: string, secret: string): string {
  return bytesToHex(sha256(utf8ToBytes(`${what}\0${secret}`))).slice(0, 16);
}

/** Say what was looked for. */
export function searched(book: Data): string {
  const cells = Array.isArray(book.cells) ? book.cells.length : 0;
  return `${kinds.length} kinds of secrets searched in ${cells} cells, outputs, metadata and widget state: none found.`;
}

/**
 * Replace the secrets of a notebook in place, but those whose ids were accepted.
 *
 * In the source of a code cell only strings and comments are changed. An output in which a secret is left is left out.
 */
export function maskSecrets(book: Data, accepted: string[] = []): void {
  const wanted = (each: IFound) => !accepted.includes(saved(each).id);
  const found = new Texts(book).found().filter(wanted);
  if (!found.length) {
    return;
  }
  const changes = new Map<ILeaf, Range[]>();
  const literals = new Map<string, Range[]>();
  for (const { leaf, start, end } of found) {
    if (leaf.code !== null && !literals.has(leaf.code)) {
      literals.set(leaf.code, literalsOf(leaf.code));
    }
    const inside: Range[] = leaf.code === null ? [[start, end]] : literals.get(leaf.code)!;
    const ranges = inside.filter(([a, b]) => a < end && start < b);
    if (ranges.length) {
      const known = changes.get(leaf) ?? [];
      changes.set(leaf, [...known, ...ranges.map(([a, b]): Range => [Math.max(start, a), Math.min(end, b)])]);
    }
  }
  const names: [ILeaf, string][] = [];
  for (const [leaf, ranges] of changes) {
    let [text, last] = ['', 0];
    for (const [start, end] of ranges.sort((a, b) => a[0] - b[0])) {
      text += leaf.text.slice(last, start) + MASK;
      last = end;
    }
    text += leaf.text.slice(last);
    if (leaf.role === 'name') {
      names.push([leaf, text]);
    } else {
      leaf.owner[leaf.key] = leaf.role === 'lines' ? text.split(/(?<=\n)/) : text;
    }
  }
  for (const [leaf, text] of names) {
    const members = Object.entries(leaf.owner).map(
      ([name, value]) => [name === leaf.key ? text : name, value] as const
    );
    Object.keys(leaf.owner).forEach(name => Reflect.deleteProperty(leaf.owner, name));
    Object.assign(leaf.owner, Object.fromEntries(members));
  }
  const left = new Texts(book).found();
  const kept = new Set(left.map(({ leaf }) => leaf.place));
  const blank = new Set(left.filter(wanted).map(({ leaf }) => leaf.place));
  const masked = new Set(found.map(({ leaf }) => leaf.place).filter(place => !kept.has(place)));
  let before: unknown = null; // what a secret may go on from, in the outputs of the next cell
  for (const { place, name, value, owner } of [...partsOf(book)]) {
    if (place.endsWith('source')) {
      continue;
    }
    const rest = blank.has(place) || (masked.has(place) && holdsRest(value));
    if (rest || (name === 'outputs' && before && holdsRest([before, value]))) {
      owner[name] = leftOut(value);
    }
    if (name === 'outputs') {
      before = rest ? MASK : masked.has(place) ? value : null;
    }
  }
}

/** What stands for a part that could not be masked. */
function leftOut(value: unknown): unknown {
  if (Array.isArray(value)) {
    return [{ output_type: 'stream', name: 'stdout', text: LEFT_OUT }];
  }
  return isObject(value) ? {} : LEFT_OUT;
}

interface IPart {
  place: string;
  name: string;
  value: unknown;
  owner: Data;
  code: string | null;
  /** The name whose value a cell shows. */
  shown: string;
}

/** The parts of a notebook that a person tells apart. */
function* partsOf(book: Data): Generator<IPart> {
  const cells = Array.isArray(book.cells) ? (book.cells as unknown[]) : [];
  for (const [i, cell] of cells.entries()) {
    if (!isObject(cell)) {
      continue;
    }
    const source = Array.isArray(cell.source) ? cell.source.join('') : String(cell.source ?? '');
    const code = cell.cell_type === 'code';
    const line = source.trim().split('\n').pop()!;
    const shown = code ? [...line.matchAll(patterns.shown)][0]?.[1] : undefined;
    for (const [name, value] of Object.entries(cell)) {
      const masked = code && name === 'source' ? source : null;
      const place = `cell ${i}, ${name.replace(/s$/, '')}`;
      yield { place, name, value, owner: cell, code: masked, shown: name === 'outputs' ? (shown ?? '') : '' };
    }
  }
  for (const [name, value] of Object.entries(book)) {
    if (name === 'metadata' && isObject(value)) {
      for (const [inner, each] of Object.entries(value)) {
        const place = inner === 'widgets' ? 'the widget state' : 'the metadata';
        yield { place, name: inner, value: each, owner: value, code: null, shown: '' };
      }
    } else if (name !== 'cells') {
      yield { place: 'the metadata', name, value, owner: book, code: null, shown: '' };
    }
  }
}

/** Where a source has strings, comments and lines for a shell; all of it if it is for another program. */
function literalsOf(source: string): Range[] {
  if (source.search(patterns.cell_magic) === 0) {
    return [[0, source.length]];
  }
  return [...source.matchAll(patterns.literal)].map(found => [found.index, found.index + found[0].length]);
}

function isObject(value: unknown): value is Data {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isPicture(text: string): boolean {
  return lists.pictures.some(each => text.startsWith(each));
}
