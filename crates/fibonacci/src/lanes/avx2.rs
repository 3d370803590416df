//! Eight lanes in two registers: AVX2 with fused multiply-add.

use super::{
    vector::{Eight, Lanes, Pair, Pass},
    x86::{Entered, order},
};
use pulp::{cast, x86::V3};
use std::arch::x86_64::{__m128i, __m256d, __m256i};

/// Lanes 0 to 3, lanes 4 to 7.
type Two = [__m256d; 2];

/// Rounds to nearest, raising no exception: the operand of VROUNDPD.
const NEAREST: i32 = 0x08;

impl Lanes for V3 {
    type V = Two;

    #[inline(always)]
    fn enter<P: Pass>(self, pass: P) -> P::Output {
        self.vectorize(Entered { lanes: self, pass })
    }

    #[inline(always)]
    fn load(self, from: &Eight) -> Two {
        let [a, b, c, d, e, f, g, h] = *from;
        [cast([a, b, c, d]), cast([e, f, g, h])]
    }

    #[inline(always)]
    fn store(self, v: Two, to: &mut Eight) {
        let [a, b, c, d]: [f64; 4] = cast(v[0]);
        let [e, f, g, h]: [f64; 4] = cast(v[1]);
        *to = [a, b, c, d, e, f, g, h];
    }

    #[inline(always)]
    fn splat(self, x: f64) -> Two {
        [self.avx._mm256_set1_pd(x); 2]
    }

    #[inline(always)]
    fn add(self, a: Two, b: Two) -> Two {
        [self.avx._mm256_add_pd(a[0], b[0]), self.avx._mm256_add_pd(a[1], b[1])]
    }

    #[inline(always)]
    fn sub(self, a: Two, b: Two) -> Two {
        [self.avx._mm256_sub_pd(a[0], b[0]), self.avx._mm256_sub_pd(a[1], b[1])]
    }

    #[inline(always)]
    fn mul(self, a: Two, b: Two) -> Two {
        [self.avx._mm256_mul_pd(a[0], b[0]), self.avx._mm256_mul_pd(a[1], b[1])]
    }

    #[inline(always)]
    fn mul_add(self, a: Two, b: Two, c: Two) -> Two {
        let fma = self.fma;
        [fma._mm256_fmadd_pd(a[0], b[0], c[0]), fma._mm256_fmadd_pd(a[1], b[1], c[1])]
    }

    #[inline(always)]
    fn mul_sub(self, a: Two, b: Two, c: Two) -> Two {
        let fma = self.fma;
        [fma._mm256_fmsub_pd(a[0], b[0], c[0]), fma._mm256_fmsub_pd(a[1], b[1], c[1])]
    }

    #[inline(always)]
    fn neg_mul_add(self, a: Two, b: Two, c: Two) -> Two {
        let fma = self.fma;
        [fma._mm256_fnmadd_pd(a[0], b[0], c[0]), fma._mm256_fnmadd_pd(a[1], b[1], c[1])]
    }

    #[inline(always)]
    fn round(self, a: Two) -> Two {
        let avx = self.avx;
        [avx._mm256_round_pd::<NEAREST>(a[0]), avx._mm256_round_pd::<NEAREST>(a[1])]
    }

    #[inline(always)]
    fn load_digits(self, digits: &[i32; 8]) -> Two {
        let [low, high]: [__m128i; 2] = cast(*digits);
        [self.avx._mm256_cvtepi32_pd(low), self.avx._mm256_cvtepi32_pd(high)]
    }

    #[inline(always)]
    fn to_digits(self, a: Two) -> [i32; 8] {
        cast([self.avx._mm256_cvtpd_epi32(a[0]), self.avx._mm256_cvtpd_epi32(a[1])])
    }

    #[inline(always)]
    fn shift_in(self, a: Two, before: Two) -> Two {
        let avx = self.avx;
        // Joins the halves on both sides of the lanes wanted, then takes one lane of each.
        let low = avx._mm256_permute2f128_pd::<0x21>(before[1], a[0]);
        let high = avx._mm256_permute2f128_pd::<0x21>(a[0], a[1]);
        [avx._mm256_shuffle_pd::<0x5>(low, a[0]), avx._mm256_shuffle_pd::<0x5>(high, a[1])]
    }

    /// Transposes four squares of four by four lanes.
    #[inline(always)]
    fn transpose(self, rows: [Two; 8]) -> [Two; 8] {
        let [a, b, c, d, e, f, g, h] = rows;
        let left = square(self, [a[0], b[0], c[0], d[0]]);
        let left_low = square(self, [e[0], f[0], g[0], h[0]]);
        let right = square(self, [a[1], b[1], c[1], d[1]]);
        let right_low = square(self, [e[1], f[1], g[1], h[1]]);
        [
            [left[0], left_low[0]],
            [left[1], left_low[1]],
            [left[2], left_low[2]],
            [left[3], left_low[3]],
            [right[0], right_low[0]],
            [right[1], right_low[1]],
            [right[2], right_low[2]],
            [right[3], right_low[3]],
        ]
    }

    /// Neighbours are joined three times: to values of two, four, eight digits.
    #[inline(always)]
    fn sixteens(self, chars: &[u8; 64]) -> [u64; 4] {
        let avx2 = self.avx2;
        let halves: [__m256i; 2] = cast(*chars);
        let [a, b] = halves.map(|half| {
            let digits = avx2._mm256_sub_epi8(half, cast([b'0'; 32]));
            let twos = avx2._mm256_maddubs_epi16(digits, cast([[10_i8, 1]; 16]));
            let fours = avx2._mm256_madd_epi16(twos, cast([[100_i16, 1]; 8]));
            let packed = avx2._mm256_packus_epi32(fours, fours);
            let eights = avx2._mm256_madd_epi16(packed, cast([[10_000_i16, 1]; 8]));
            let [a, _, b, _]: [[u32; 2]; 4] = cast(eights);
            [a, b].map(|[high, low]| u64::from(high) * 100_000_000 + u64::from(low))
        });
        [a[0], a[1], b[0], b[1]]
    }

    /// As [`super::characters`], in words of 64, 32 and 16 bits.
    #[inline(always)]
    fn characters<const WIDTH: usize>(self, values: &[i32; 8]) -> [Pair; 4] {
        let [low, high]: [__m128i; 2] = cast(*values);
        cast([four::<WIDTH>(self, low), four::<WIDTH>(self, high)])
    }
}

/// Transposes four by four lanes.
#[inline(always)]
fn square(lanes: V3, rows: [__m256d; 4]) -> [__m256d; 4] {
    let avx = lanes.avx;
    let [a, b, c, d] = rows;
    let (ab, cd) = (avx._mm256_unpacklo_pd(a, b), avx._mm256_unpacklo_pd(c, d));
    let (ab_odd, cd_odd) = (avx._mm256_unpackhi_pd(a, b), avx._mm256_unpackhi_pd(c, d));
    [
        avx._mm256_permute2f128_pd::<0x20>(ab, cd),
        avx._mm256_permute2f128_pd::<0x20>(ab_odd, cd_odd),
        avx._mm256_permute2f128_pd::<0x31>(ab, cd),
        avx._mm256_permute2f128_pd::<0x31>(ab_odd, cd_odd),
    ]
}

/// The characters of four numbers.
#[inline(always)]
fn four<const WIDTH: usize>(lanes: V3, values: __m128i) -> __m256i {
    let avx2 = lanes.avx2;
    let value = avx2._mm256_cvtepu32_epi64(values);
    let product = avx2._mm256_mul_epu32(value, cast([109_951_163_u64; 4]));
    let high = avx2._mm256_srli_epi64::<40>(product);
    let low = avx2._mm256_sub_epi64(value, avx2._mm256_mul_epu32(high, cast([10_000_u64; 4])));
    let fours = avx2._mm256_or_si256(high, avx2._mm256_slli_epi64::<32>(low));
    let product = avx2._mm256_mulhi_epu16(fours, cast([5_243_u16; 16]));
    let high = avx2._mm256_srli_epi16::<3>(product);
    let low = avx2._mm256_sub_epi16(fours, avx2._mm256_mullo_epi16(high, cast([100_u16; 16])));
    let twos = avx2._mm256_or_si256(high, avx2._mm256_slli_epi32::<16>(low));
    let high = avx2._mm256_mulhi_epu16(twos, cast([6_554_u16; 16]));
    // high + ((twos - 10 high) << 8)
    let high = avx2._mm256_mullo_epi16(high, cast([10 * 256 - 1_u16; 16]));
    let ones = avx2._mm256_sub_epi16(avx2._mm256_slli_epi16::<8>(twos), high);
    let words = avx2._mm256_or_si256(ones, cast([b'0'; 32]));
    avx2._mm256_shuffle_epi8(words, cast(const { order::<WIDTH, 32>() }))
}
