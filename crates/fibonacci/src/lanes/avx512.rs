//! Eight lanes in one register: AVX-512.

use super::{
    vector::{Eight, Lanes, Pair, Pass},
    x86::{Entered, order},
};
use pulp::{cast, x86::V4};
use std::arch::x86_64::{__m512d, __m512i};

/// Rounds to nearest, raising no exception: the operand of VRNDSCALE.
const NEAREST: i32 = 0x08;

/// Selects the first and third quarters of both registers.
const EVENS: i32 = 0x88;

/// Selects the second and fourth quarters of both registers.
const ODDS: i32 = 0xdd;

impl Lanes for V4 {
    type V = __m512d;

    #[inline(always)]
    fn enter<P: Pass>(self, pass: P) -> P::Output {
        self.vectorize(Entered { lanes: self, pass })
    }

    #[inline(always)]
    fn load(self, from: &Eight) -> __m512d {
        cast(*from)
    }

    #[inline(always)]
    fn store(self, v: __m512d, to: &mut Eight) {
        *to = cast(v);
    }

    #[inline(always)]
    fn splat(self, x: f64) -> __m512d {
        self.avx512f._mm512_set1_pd(x)
    }

    #[inline(always)]
    fn add(self, a: __m512d, b: __m512d) -> __m512d {
        self.avx512f._mm512_add_pd(a, b)
    }

    #[inline(always)]
    fn sub(self, a: __m512d, b: __m512d) -> __m512d {
        self.avx512f._mm512_sub_pd(a, b)
    }

    #[inline(always)]
    fn mul(self, a: __m512d, b: __m512d) -> __m512d {
        self.avx512f._mm512_mul_pd(a, b)
    }

    #[inline(always)]
    fn mul_add(self, a: __m512d, b: __m512d, c: __m512d) -> __m512d {
        self.avx512f._mm512_fmadd_pd(a, b, c)
    }

    #[inline(always)]
    fn mul_sub(self, a: __m512d, b: __m512d, c: __m512d) -> __m512d {
        self.avx512f._mm512_fmsub_pd(a, b, c)
    }

    #[inline(always)]
    fn neg_mul_add(self, a: __m512d, b: __m512d, c: __m512d) -> __m512d {
        self.avx512f._mm512_fnmadd_pd(a, b, c)
    }

    #[inline(always)]
    fn round(self, a: __m512d) -> __m512d {
        self.avx512f._mm512_roundscale_pd::<NEAREST>(a)
    }

    #[inline(always)]
    fn load_digits(self, digits: &[i32; 8]) -> __m512d {
        self.avx512f._mm512_cvtepi32_pd(cast(*digits))
    }

    #[inline(always)]
    fn to_digits(self, a: __m512d) -> [i32; 8] {
        cast(self.avx512f._mm512_cvtpd_epi32(a))
    }

    #[inline(always)]
    fn shift_in(self, a: __m512d, before: __m512d) -> __m512d {
        cast(self.avx512f._mm512_alignr_epi64::<7>(cast(a), cast(before)))
    }

    #[inline(always)]
    fn transpose(self, rows: [__m512d; 8]) -> [__m512d; 8] {
        let unpack = self.avx512f;
        let [a, b, c, d, e, f, g, h] = rows;
        let [r0, r2, r4, r6] = quarters(
            self,
            unpack._mm512_unpacklo_pd(a, b),
            unpack._mm512_unpacklo_pd(c, d),
            unpack._mm512_unpacklo_pd(e, f),
            unpack._mm512_unpacklo_pd(g, h),
        );
        let [r1, r3, r5, r7] = quarters(
            self,
            unpack._mm512_unpackhi_pd(a, b),
            unpack._mm512_unpackhi_pd(c, d),
            unpack._mm512_unpackhi_pd(e, f),
            unpack._mm512_unpackhi_pd(g, h),
        );
        [r0, r1, r2, r3, r4, r5, r6, r7]
    }

    /// Neighbours are joined three times: to values of two, four, eight digits.
    #[inline(always)]
    fn sixteens(self, chars: &[u8; 64]) -> [u64; 4] {
        let bw = self.avx512bw;
        let digits = bw._mm512_sub_epi8(cast(*chars), cast([b'0'; 64]));
        let twos = bw._mm512_maddubs_epi16(digits, cast([[10_i8, 1]; 32]));
        let fours = bw._mm512_madd_epi16(twos, cast([[100_i16, 1]; 16]));
        let packed: __m512i = bw._mm512_packus_epi32(fours, fours);
        let eights = bw._mm512_madd_epi16(packed, cast([[10_000_i16, 1]; 16]));
        let [a, _, b, _, c, _, d, _]: [[u32; 2]; 8] = cast(eights);
        [a, b, c, d].map(|[high, low]| u64::from(high) * 100_000_000 + u64::from(low))
    }

    /// As [`super::characters`], in words of 64, 32 and 16 bits.
    #[inline(always)]
    fn characters<const WIDTH: usize>(self, values: &[i32; 8]) -> [Pair; 4] {
        let (f, bw) = (self.avx512f, self.avx512bw);
        let value = f._mm512_cvtepu32_epi64(cast(*values));
        let product = f._mm512_mul_epu32(value, cast([109_951_163_u64; 8]));
        let high = f._mm512_srli_epi64::<40>(product);
        let low = f._mm512_sub_epi64(value, f._mm512_mul_epu32(high, cast([10_000_u64; 8])));
        let fours = f._mm512_or_si512(high, f._mm512_slli_epi64::<32>(low));
        let product = bw._mm512_mulhi_epu16(fours, cast([5_243_u16; 32]));
        let high = bw._mm512_srli_epi16::<3>(product);
        let low = bw._mm512_sub_epi16(fours, bw._mm512_mullo_epi16(high, cast([100_u16; 32])));
        let twos = f._mm512_or_si512(high, f._mm512_slli_epi32::<16>(low));
        let high = bw._mm512_mulhi_epu16(twos, cast([6_554_u16; 32]));
        // high + ((twos - 10 high) << 8)
        let high = bw._mm512_mullo_epi16(high, cast([10 * 256 - 1_u16; 32]));
        let ones = bw._mm512_sub_epi16(bw._mm512_slli_epi16::<8>(twos), high);
        let words = f._mm512_or_si512(ones, cast([b'0'; 64]));
        cast(bw._mm512_shuffle_epi8(words, cast(const { order::<WIDTH, 64>() })))
    }
}

/// Transposes four by four quarters of registers.
#[inline(always)]
fn quarters(lanes: V4, a: __m512d, b: __m512d, c: __m512d, d: __m512d) -> [__m512d; 4] {
    let f = lanes.avx512f;
    let ab = f._mm512_shuffle_f64x2::<EVENS>(a, b);
    let cd = f._mm512_shuffle_f64x2::<EVENS>(c, d);
    let ab_odd = f._mm512_shuffle_f64x2::<ODDS>(a, b);
    let cd_odd = f._mm512_shuffle_f64x2::<ODDS>(c, d);
    [
        f._mm512_shuffle_f64x2::<EVENS>(ab, cd),
        f._mm512_shuffle_f64x2::<EVENS>(ab_odd, cd_odd),
        f._mm512_shuffle_f64x2::<ODDS>(ab, cd),
        f._mm512_shuffle_f64x2::<ODDS>(ab_odd, cd_odd),
    ]
}
