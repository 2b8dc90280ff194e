/**
 * CRC-32C (Castagnoli) as in iSCSI: RFC 3720, section 12.1 and appendix B.4. The polynomial 0x1EDC6F41 is used
 * bit-reversed, lowest bit first.
 */
const REVERSED_POLYNOMIAL = 0x82f63b78;

/** Remainders of all byte values, for processing a byte at a time. */
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit++) remainder = (remainder >>> 1) ^ (remainder & 1 ? REVERSED_POLYNOMIAL : 0);
  return remainder;
});

/** The checksum of `bytes`, as an unsigned 32-bit integer. */
export function crc32c(bytes: Uint8Array): number {
  const remainder = bytes.reduce((crc, byte) => (crc >>> 8) ^ TABLE[(crc ^ byte) & 0xff]!, 0xffffffff);
  return ~remainder >>> 0;
}
