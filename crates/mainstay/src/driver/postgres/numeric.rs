//! `numeric` in the binary protocol, exactly.
//!
//! The form: number of groups, weight of the first group, sign, digits after the point (all 16
//! bit), then groups of four decimal digits. Written by hand because a stored number with more
//! digits than a [`Decimal`] holds must be an error, not a rounded number.

use bytes::BytesMut;
use rust_decimal::Decimal;

const NEGATIVE: u16 = 0x4000;
const BASE: u128 = 10_000;
/// The largest mantissa of a [`Decimal`]: 96 bits.
const LARGEST: u128 = (1 << 96) - 1;

/// Appends the binary form of `number`.
pub(super) fn encode(number: Decimal, out: &mut BytesMut) {
    let scale = number.scale();
    let padding = (4 - scale % 4) % 4;
    // At most 29 digits and 3 more: within 38, which is what a u128 holds.
    let mut rest = number.mantissa().unsigned_abs() * 10_u128.pow(padding);
    let mut groups: Vec<u16> = Vec::with_capacity(9);
    while rest > 0 {
        groups.push(u16::try_from(rest % BASE).unwrap_or_default());
        rest /= BASE;
    }
    // As many groups after the point as `scale` fills.
    let fraction = scale.div_ceil(4);
    let whole = i32::try_from(groups.len()).unwrap_or_default()
        - i32::try_from(fraction).unwrap_or_default();
    let weight = if groups.is_empty() { 0 } else { whole - 1 };
    groups.reverse();
    while groups.last() == Some(&0) {
        groups.pop();
    }
    let negative = number.is_sign_negative() && !groups.is_empty();
    let header = [
        u16::try_from(groups.len()).unwrap_or_default(),
        // Between -8 and 7, as two's complement.
        i16::try_from(weight).unwrap_or_default() as u16,
        if negative { NEGATIVE } else { 0 },
        u16::try_from(scale).unwrap_or_default(),
    ];
    for word in header.into_iter().chain(groups) {
        out.extend_from_slice(&word.to_be_bytes());
    }
}

/// Reads the binary form. The error says in words why there is no such [`Decimal`].
pub(super) fn decode(raw: &[u8]) -> Result<Decimal, &'static str> {
    const DAMAGED: &str = "a damaged numeric";
    const TOO_LONG: &str = "a number with more than 28 digits";
    let mut words = raw
        .chunks(2)
        .map(|pair| <[u8; 2]>::try_from(pair).map(u16::from_be_bytes));
    let mut word = || words.next().and_then(Result::ok).ok_or(DAMAGED);
    let count = word()?;
    let weight = word()? as i16;
    let sign = word()?;
    let scale = u32::from(word()?);
    match sign {
        0 | NEGATIVE => {}
        0xC000 => return Err("NaN"),
        0xD000 | 0xF000 => return Err("infinity"),
        _ => return Err(DAMAGED),
    }
    let mut mantissa: u128 = 0;
    for _ in 0..count {
        let group = u128::from(word()?);
        if group >= BASE {
            return Err(DAMAGED);
        }
        mantissa = mantissa
            .checked_mul(BASE)
            .and_then(|m| m.checked_add(group))
            .ok_or(TOO_LONG)?;
    }
    if mantissa == 0 {
        return Ok(Decimal::new(0, scale.min(Decimal::MAX_SCALE)));
    }
    // The number is mantissa * 10^exponent; it is wanted with `scale` digits after the point.
    let mut exponent = 4 * (i32::from(weight) + 1 - i32::from(count));
    let wanted = -i32::try_from(scale.min(Decimal::MAX_SCALE)).unwrap_or_default();
    while exponent < wanted && mantissa.is_multiple_of(10) {
        mantissa /= 10;
        exponent += 1;
    }
    while exponent > wanted && mantissa <= LARGEST / 10 {
        mantissa *= 10;
        exponent -= 1;
    }
    let digits = u32::try_from(-exponent).map_err(|_| TOO_LONG)?;
    if mantissa > LARGEST || digits > Decimal::MAX_SCALE {
        return Err(TOO_LONG);
    }
    let mantissa = i128::try_from(mantissa).map_err(|_| TOO_LONG)?;
    let signed = if sign == NEGATIVE {
        -mantissa
    } else {
        mantissa
    };
    Ok(Decimal::from_i128_with_scale(signed, digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[i32]) -> Vec<u8> {
        words
            .iter()
            .flat_map(|word| (*word as u16).to_be_bytes())
            .collect()
    }

    fn encoded(text: &str) -> Vec<u8> {
        let mut out = BytesMut::new();
        encode(Decimal::from_str_exact(text).unwrap(), &mut out);
        out.to_vec()
    }

    #[test]
    fn known_forms() {
        assert_eq!(encoded("0"), words(&[0, 0, 0, 0]));
        assert_eq!(encoded("1"), words(&[1, 0, 0, 0, 1]));
        assert_eq!(encoded("-1"), words(&[1, 0, 0x4000, 0, 1]));
        assert_eq!(encoded("12345.678"), words(&[3, 1, 0, 3, 1, 2345, 6780]));
        assert_eq!(encoded("10000"), words(&[1, 1, 0, 0, 1]));
        assert_eq!(encoded("0.0001"), words(&[1, -1, 0, 4, 1]));
        assert_eq!(encoded("0.00001"), words(&[1, -2, 0, 5, 1000]));
        assert_eq!(encoded("1.50"), words(&[2, 0, 0, 2, 1, 5000]));
    }

    #[test]
    fn edges_survive_the_round_trip() {
        for text in [
            "0",
            "0.00",
            "79228162514264337593543950335",
            "-79228162514264337593543950335",
            "7.9228162514264337593543950335",
            "0.0000000000000000000000000001",
            "-0.0000000000000000000000000001",
            "1234567890.0123456789",
            "100000000.00000001",
            "99999999999999.99999999999999",
        ] {
            let number = Decimal::from_str_exact(text).unwrap();
            let back = decode(&encoded(text)).unwrap();
            assert_eq!(back, number, "{text}");
            assert_eq!(back.scale(), number.scale(), "{text}");
        }
    }

    #[test]
    fn what_no_decimal_holds_is_refused() {
        assert_eq!(decode(&words(&[0, 0, 0xC000, 0])), Err("NaN"));
        assert_eq!(decode(&words(&[0, 0, 0xD000, 0])), Err("infinity"));
        assert_eq!(decode(&words(&[0, 0, 0xF000, 0])), Err("infinity"));
        // 1e32, 1e-32 and 40 digits.
        for long in [
            words(&[1, 8, 0, 0, 1]),
            words(&[1, -8, 0, 32, 1]),
            words(&[10, 9, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]),
            words(&[1, i32::from(i16::MAX), 0, 0, 1]),
            words(&[1, i32::from(i16::MIN), 0, 0, 1]),
        ] {
            assert_eq!(decode(&long), Err("a number with more than 28 digits"));
        }
        for damaged in [
            vec![],
            vec![0, 1, 0],
            words(&[1, 0, 0, 0]),
            words(&[1, 0, 0, 0, 10_000]),
            words(&[1, 0, 7, 0, 1]),
        ] {
            assert_eq!(decode(&damaged), Err("a damaged numeric"));
        }
    }

    #[test]
    fn needless_zeroes_after_the_point_are_dropped() {
        // 1.5 with 40 digits after the point: the value fits, its zeroes do not.
        let read = decode(&words(&[2, 0, 0, 40, 1, 5000])).unwrap();
        assert_eq!(read, Decimal::new(15, 1));
    }

    proptest::proptest! {
        #[test]
        fn any_decimal_survives(mantissa in 0_i128..(1 << 96), negative: bool, scale in 0_u32..=28) {
            let signed = if negative { -mantissa } else { mantissa };
            let number = Decimal::from_i128_with_scale(signed, scale);
            let mut out = BytesMut::new();
            encode(number, &mut out);
            let back = decode(&out).unwrap();
            proptest::prop_assert_eq!(back, number);
            proptest::prop_assert_eq!(back.scale(), number.scale());
        }

        #[test]
        fn no_bytes_panic(raw: Vec<u8>) {
            let _ = decode(&raw);
        }
    }
}
