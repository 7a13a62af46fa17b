// SHA-256 for small messages, in the page or in a worker; the only thing it is made for is trying numbers quickly.
// FIPS 180-4. The constants are the fractions of roots of the first primes.
function searcher() {
  const K = new Int32Array(64), START = new Int32Array(8), W = new Int32Array(64), H = new Int32Array(8);
  for (let prime = 2, n = 0; n < 64; prime++) {
    let composite = false;
    for (let d = 2; d * d <= prime; d++) if (prime % d === 0) { composite = true; break; }
    if (composite) continue;
    if (n < 8) START[n] = Math.sqrt(prime) * 4294967296 | 0;
    K[n++] = Math.cbrt(prime) * 4294967296 | 0;
  }
  function compress(state, block, at) {
    for (let i = 0; i < 16; i++, at += 4) W[i] = block[at] << 24 | block[at + 1] << 16 | block[at + 2] << 8 | block[at + 3];
    for (let i = 16; i < 64; i++) {
      const x = W[i - 15], y = W[i - 2];
      W[i] = W[i - 16] + W[i - 7] + ((x >>> 7 | x << 25) ^ (x >>> 18 | x << 14) ^ x >>> 3)
        + ((y >>> 17 | y << 15) ^ (y >>> 19 | y << 13) ^ y >>> 10) | 0;
    }
    let a = state[0], b = state[1], c = state[2], d = state[3], e = state[4], f = state[5], g = state[6], h = state[7];
    for (let i = 0; i < 64; i++) {
      const t = h + ((e >>> 6 | e << 26) ^ (e >>> 11 | e << 21) ^ (e >>> 25 | e << 7)) + (e & f ^ ~e & g) + K[i] + W[i] | 0;
      const u = ((a >>> 2 | a << 30) ^ (a >>> 13 | a << 19) ^ (a >>> 22 | a << 10)) + (a & b ^ a & c ^ b & c) | 0;
      h = g; g = f; f = e; e = d + t | 0; d = c; c = b; b = a; a = t + u | 0;
    }
    state[0] += a; state[1] += b; state[2] += c; state[3] += d; state[4] += e; state[5] += f; state[6] += g; state[7] += h;
  }
  // Tries `count` numbers of ten digits from `from` on; the one that makes `bits` zero bits, or "".
  return function search(text, bits, from, count) {
    const prefix = new TextEncoder().encode(text), whole = prefix.length & ~63, rest = prefix.length - whole, size = rest + 10;
    const state = START.slice(), end = size + 9 > 64 ? 128 : 64, block = new Uint8Array(end);
    for (let at = 0; at < whole; at += 64) compress(state, prefix, at);
    block.set(prefix.subarray(whole));
    block[size] = 128;
    const length = (prefix.length + 10) * 8;
    block[end - 4] = length >>> 24; block[end - 3] = length >>> 16; block[end - 2] = length >>> 8; block[end - 1] = length;
    for (let n = from; n < from + count; n++) {
      for (let i = size - 1, m = n; i >= rest; i--) { block[i] = 48 + m % 10; m = Math.floor(m / 10); }
      H.set(state);
      compress(H, block, 0);
      if (end > 64) compress(H, block, 64);
      if (H[0] >>> (32 - bits) === 0) return String(n).padStart(10, "0");
    }
    return "";
  };
}
function worker() {
  const search = searcher();
  self.onmessage = ({ data: { text, bits, part } }) => {
    for (let from = 0; ; from += 4096) {
      const answer = search(text, bits, from, 4096);
      if (answer) { self.postMessage({ part, answer, who: [navigator.userAgent, navigator.platform, String(navigator.languages)] }); return; }
    }
  };
}
