/**
 * CRC-32C (Castagnoli), as iSCSI has it: RFC 3720, section 12.1 and appendix B.4. The polynomial 0x1EDC6F41 is used with
 * its bits reversed, lowest bit first.
 */
const REVERSED_POLYNOMIAL = 0x82f63b78;

/** What eight steps of the division do to each value of the lowest byte. */
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit++) remainder = (remainder >>> 1) ^ (remainder & 1 ? REVERSED_POLYNOMIAL : 0);
  return remainder;
});

/** An unsigned 32-bit integer. */
export function crc32c(bytes: Uint8Array): number {
  const remainder = bytes.reduce((crc, byte) => (crc >>> 8) ^ TABLE[(crc ^ byte) & 0xff]!, 0xffffffff);
  return ~remainder >>> 0;
}
