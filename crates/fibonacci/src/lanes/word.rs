//! Eight decimal digits in ASCII, handled at once in one word.

/// A number below 10^8 in ASCII, with zeros in front; the last character in the highest byte.
///
/// It is split in halves three times, within one word. The multiplications with shifts are
/// divisions by 10,000, 100 and 10, exact for the numbers that occur there.
#[inline(always)]
pub(crate) fn characters(value: u64) -> u64 {
    let high = (value * 109_951_163) >> 40;
    let fours = high + ((value - 10_000 * high) << 32);
    let high = ((fours * 10_486) >> 20) & 0x0000_007f_0000_007f;
    let twos = high + ((fours - 100 * high) << 16);
    let high = ((twos * 103) >> 10) & 0x000f_000f_000f_000f;
    let ones = high + ((twos - 10 * high) << 8);
    ones | 0x3030_3030_3030_3030
}

/// The value of eight characters in a word, the last of them in the highest byte. Neighbours are
/// joined three times.
#[inline(always)]
pub(crate) fn value(characters: u64) -> u64 {
    let digits = characters & 0x0f0f_0f0f_0f0f_0f0f;
    let twos = (digits * 10 + (digits >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = (twos * 100 + (twos >> 16)) & 0x0000_ffff_0000_ffff;
    (fours * 10_000 + (fours >> 32)) & 0xffff_ffff
}
