// A kept memory without what the program itself has: the page fetches that program anyway.

/** Reads an unsigned number of WebAssembly (LEB128), and returns it with the place behind it. */
function number(bytes, at) {
  let value = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++];
    value += (byte & 127) * 2 ** shift;
    if (byte < 128) return [value, at];
  }
}

/** Yields place and bytes of each data segment that a program puts into its memory when it starts. */
function* segments(wasm) {
  for (let at = 8; at < wasm.length; ) {
    const kind = wasm[at];
    const [size, begin] = number(wasm, at + 1);
    at = begin + size;
    if (kind !== 11) continue;
    let [count, next] = number(wasm, begin);
    for (; count > 0; count -= 1) {
      // A segment of memory 0 at a constant: "i32.const PLACE end".
      if (wasm[next] !== 0 || wasm[next + 1] !== 0x41) return;
      const [place, end] = number(wasm, next + 2);
      const [length, data] = number(wasm, end + 1);
      yield [place, wasm.subarray(data, data + length)];
      next = data + length;
    }
  }
}

/** Takes the program's own data out of a memory, or puts it back in: each byte is combined by exclusive or. */
export function mix(kept, wasm) {
  const memory = kept.subarray(new DataView(kept.buffer, kept.byteOffset).getUint32(4, true)); // behind its head
  for (const [place, data] of segments(wasm)) {
    for (let each = 0; each < data.length && place + each < memory.length; each += 1) memory[place + each] ^= data[each];
  }
  return kept;
}
