/** Joins what a separator breaks: a text with the same run at each break. Python has the same in `breaks.py`. */

/** Where a separator is, whether what is beside it may be drawn by chance, and whether both sides look so. */
type Break = [start: number, end: number, loose: boolean, certain: boolean];

const [NEAR, REACH, LEAST, BESIDE, ROOM, EACH, MARGIN] = [100, 240, 8, 32, 1 << 14, 64, 12];
const END = '\x00\n';
const NUMBER = '[ \\t]*[0-9]+';

/** The first place in a list that is not before a position. */
export function first(places: number[], position: number): number {
  let [low, high] = [0, places.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (places[middle] < position) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

/** What a letter is, and what it turns from: two of them are a turn if they share a bit. */
const KINDS = new Uint8Array(128);
const FROM = new Uint8Array(128);
for (let code = 0; code < 26; code++) {
  [KINDS[97 + code], FROM[97 + code]] = [1, 4];
  [KINDS[65 + code], FROM[65 + code]] = [2, 5];
}
for (let code = 48; code < 58; code++) {
  [KINDS[code], FROM[code]] = [4, 3];
}

/** Where a letter is of another kind than the one behind it, but for the first letters of words. */
export function turnsOf(text: string): number[] {
  const turns: number[] = [];
  let kind = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 127) {
      kind = 0;
      continue;
    }
    if (kind & FROM[code]) {
      turns.push(i - 1);
    }
    kind = KINDS[code];
  }
  return turns;
}

/** Copies of parts of a text without separators, one behind the other, with the place of each letter. */
export class Copies {
  readonly text: string;

  constructor(
    private readonly _given: string,
    gap: RegExp,
    /** What a separator may end with; empty for anything. */
    ends: string,
    /** The number of known secrets: each costs as much as some letters. */
    found: number
  ) {
    const turns = turnsOf(_given);
    const room = (_given.length >> 1) + ROOM - EACH * found;
    for (const [start, end] of room > 0 ? regionsOf(turns) : []) {
      const region: [number, number] = [Math.max(0, start - REACH), Math.min(_given.length, end + NEAR + REACH)];
      const found = [...breaksOf(_given, region, turns, gap)].map(
        ([key, breaks]) => [key, breaks, breaks.filter(each => each[3]).length] as const
      );
      for (const [key, breaks] of found.sort((a, b) => b[2] - a[2])) {
        if ((!ends || ends.includes(key.slice(-1))) && this._places.at(-1)! < room) {
          choicesOf(_given, key, breaks).forEach(chosen => this._copy(chosen));
        }
      }
    }
    this.text = this._pieces.join('');
  }

  /** Whether what a pattern found at a place in the copies may be more than what it finds in the text. */
  adds(pattern: RegExp, place: number, start: number, end: number): boolean {
    const at = first(this._places, start + 1);
    const border = this._places[at];
    if (border < end && (this._certain[at] || this._places[at + 1] < end || this._isQuoted(at - 1, start, end))) {
      return true;
    }
    const begin = (pattern.lastIndex = this._start(place));
    const whole = pattern.exec(this._given);
    const value = this._start(start);
    return begin + (whole?.[1].length ?? NaN) !== value || pattern.lastIndex - value < Math.min(border, end) - start;
  }

  /** Where a part of the copies is in the text, up to the first break at another width than the others. */
  given(start: number, end: number): [number, number] {
    const begin = first(this._places, start + 1) - 1;
    let at = first(this._places, end) - 1;
    if (at > begin + 1 && !this._isQuoted(begin, start, end)) {
      at = this._lastOfOneWidth(begin, at, start, end);
    }
    end = Math.min(end, this._places[at + 1]);
    return [this._start(start), this._starts[at] + end - this._places[at]];
  }

  /** Where a letter of the copies is in the text. */
  private _start(at: number): number {
    const piece = first(this._places, at + 1) - 1;
    return this._starts[piece] + at - this._places[piece];
  }

  /** Whether a part that begins in a piece is all that is between two quotes. */
  private _isQuoted(piece: number, start: number, end: number): boolean {
    const quote = this.text[start - 1];
    const gap = this._given.slice(this._starts[piece] + this._pieces[piece].length, this._starts[piece + 1]);
    return '"\'`'.includes(quote) && quote === this.text[end] && !gap.includes(quote);
  }

  /** The last of some pieces before the first break at another width. */
  private _lastOfOneWidth(begin: number, last: number, start: number, end: number): number {
    const ends = [start, ...this._places.slice(begin + 1, last + 1), end];
    const lengths = ends.slice(1).map((b, i) =>
      Math.max(
        ...this.text
          .slice(ends[i], b)
          .split('\n')
          .map(each => each.length)
      )
    );
    const line = this._pieces[begin].slice(this._pieces[begin].lastIndexOf('\n') + 1);
    const width = byCount([line.length, ...lengths.slice(1, -1)])[0];
    let at = begin;
    for (let i = 0; i + 1 < lengths.length; i++, at++) {
      const [one, two] = [lengths[i], lengths[i + 1]];
      if (Math.max(one, two) > width || !(this._certain[at + 1] || one === width || two === width)) {
        break;
      }
    }
    return at;
  }

  /** Add what is around some breaks, without them. */
  private _copy(breaks: Break[]): void {
    let before = -3 * REACH;
    breaks.forEach(([start, end, , certain], i) => {
      if (start - before > 2 * REACH) {
        this._add(END, 0, false);
        before = Math.max(0, before, start - REACH);
        this._add(this._given.slice(before, start), before, false);
      }
      const after = i + 1 < breaks.length && breaks[i + 1][0] - end <= 2 * REACH ? breaks[i + 1][0] : end + REACH;
      this._add(after > end ? this._given.slice(end, after) : '', end, certain);
      before = end;
    });
    this._add(END, 0, false);
  }

  private _add(piece: string, start: number, certain: boolean): void {
    this._pieces.push(piece);
    this._starts.push(start);
    this._certain.push(certain);
    this._places.push(this._places.at(-1)! + piece.length);
  }

  private readonly _pieces: string[] = [];
  private readonly _places = [0];
  private readonly _starts: number[] = [];
  private readonly _certain: boolean[] = [];
}

/** The numbers of a list, the most usual one first. */
function byCount(numbers: number[]): number[] {
  const counts = new Map<number, number>();
  numbers.forEach(each => counts.set(each, (counts.get(each) ?? 0) + 1));
  return [...counts].sort((a, b) => b[1] - a[1]).map(([each]) => each);
}

/** Begin and end of what looks drawn by chance. */
function regionsOf(turns: number[]): [number, number][] {
  const result: [number, number][] = [];
  for (let i = 0; i + 3 < turns.length; i++) {
    const start = turns[i];
    if (turns[i + 3] - start <= NEAR) {
      if (!result.length || start - result.at(-1)![1] > 2 * REACH) {
        result.push([start, start]);
      }
      result.at(-1)![1] = start;
    }
  }
  return result;
}

/** The gaps of a region by what they are: with and without the signs at their ends. */
function breaksOf(text: string, region: [number, number], turns: number[], gap: RegExp): Map<string, Break[]> {
  const result = new Map<string, Break[]>();
  const spans = [...text.slice(...region).matchAll(gap)].map(({ 0: found, index }) => {
    return [region[0] + index, region[0] + index + found.length];
  });
  for (const [i, [start, end]] of spans.entries()) {
    const [last, next] = [spans[i - 1]?.[1] ?? 0, spans[i + 1]?.[0] ?? text.length];
    if (Math.max(start - last, next - end) < LEAST) {
      continue;
    }
    const left = first(turns, start - 1) - first(turns, Math.max(last, start - BESIDE));
    const right = first(turns, Math.min(next, end + BESIDE)) - first(turns, end);
    const looks = [left + right >= 2, Math.min(left, right) >= 1 && left + right >= 3] as const;
    const before = /[+/_~.=&?:%-]*$/.exec(text.slice(Math.max(0, start - MARGIN), start))![0].length;
    const after = /^[+/_~.=&?:%-]*/.exec(text.slice(end, end + MARGIN))![0].length;
    for (const [a, b] of before + after
      ? [
          [0, 0],
          [before, after]
        ]
      : [[0, 0]]) {
      const cut = text.slice(start - a, end + b);
      const key = cut.includes('\n') ? cut.replace(/[ \t]*[0-9]+/g, '0') : cut; // a number of a line is any
      const known = result.get(key) ?? [];
      known.push([start - a, end + b, ...looks]);
      result.set(key, known);
    }
  }
  return result;
}

/** What may be left out together: all of it, and what is certain. */
function choicesOf(text: string, key: string, breaks: Break[]): Break[][] {
  const far = breaks.map(([start], i) => !i || start - breaks[i - 1][1] >= LEAST);
  breaks = breaks.filter((_, i) => far[i] || (far[i + 1] ?? true));
  if (!breaks.some(([, , loose]) => loose)) {
    return [];
  }
  const every = evenly(text, key, breaks);
  const sure = breaks.filter(each => each[3]);
  const certain = sure.length < breaks.length ? evenly(text, key, sure) : every;
  const same = certain.length === every.length && certain.every(([start], i) => start === every[i][0]);
  return same ? [every] : [every, certain];
}

/** Some breaks, and where the same separator is again at their usual distance. */
function evenly(text: string, key: string, breaks: Break[]): Break[] {
  const widths = byCount(breaks.slice(1).map(([start], i) => start - breaks[i][1]));
  const width = widths.find(each => each >= LEAST && each <= REACH);
  const separator = new RegExp(key.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&').replaceAll('0', NUMBER), 'y');
  const endAt = (at: number): number | null => {
    separator.lastIndex = at;
    return separator.test(text) ? separator.lastIndex : null;
  };
  const known = new Map(breaks.map(each => [each[0], each]));
  if (!width) {
    return breaks;
  }
  const ends = breaks.map(([, end]) => end);
  let seen = 0;
  for (const [start, end] of breaks) {
    // the lines near them, each once
    let at = text.indexOf('\n', Math.max(seen, start - REACH));
    for (; at >= 0 && at < end; at = text.indexOf('\n', at + 1)) {
      ends.push(at + 1);
    }
    seen = end;
  }
  for (const end of ends) {
    let at = end + width;
    for (let stop = endAt(at); stop !== null && !known.has(at); stop = endAt(at)) {
      known.set(at, [at, stop, false, false]);
      at = stop + width;
    }
  }
  for (const [start, end] of breaks) {
    let at = 2 * start - end - width;
    for (let stop = endAt(at); at >= 0 && stop !== null && !known.has(at); stop = endAt(at)) {
      known.set(at, [at, stop, false, false]);
      at = 2 * at - stop - width;
    }
  }
  return [...known.values()].sort((a, b) => a[0] - b[0]);
}
