//! Tests hostile input: every picture of the table of hostile pictures, truncation at every byte, thousands of flipped
//! bits. Nothing may panic, and each input must end as expected.

use crate::rare;
use crate::support::{
    hostile::{self, Must},
    pictures::{self, Numbers},
};
use huemill_imaging::{Decoder, Error, Limits, Raster, Unmonitored, probe};

/// Probes and decodes, at full size and at the smallest scale.
fn probe_and_decode(decoder: &mut Decoder, bytes: &[u8]) -> Result<Raster, Error> {
    let probe = probe(bytes, &Limits::default())?;
    let small = decoder.decode(bytes, &probe, 0.0, &Unmonitored);
    let full = decoder.decode(bytes, &probe, 1.0, &Unmonitored)?;
    assert_eq!((full.width(), full.height()), (probe.width, probe.height));
    small.map(|_| full)
}

fn classify(result: &Result<Raster, Error>) -> Must {
    match result {
        Ok(_) => Must::Read,
        Err(Error::TooLarge { .. } | Error::TooMuchWork { .. }) => Must::TooLarge,
        Err(Error::Unsupported(_)) => Must::Unsupported,
        Err(Error::Unrecognised | Error::Empty) => Must::Unrecognised,
        Err(_) => Must::Fail,
    }
}

#[test]
fn every_hostile_picture_ends_as_expected() {
    let mut decoder = Decoder::new().unwrap();
    let mut wrong = Vec::new();
    for picture in hostile::pictures() {
        let result = probe_and_decode(&mut decoder, &picture.bytes);
        if classify(&result) != picture.must {
            let found = result.map(|raster| (raster.width(), raster.height()));
            wrong.push(format!(
                "{} {}: expected {:?}, found {found:?}",
                picture.row, picture.name, picture.must
            ));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn valid_pictures_of_every_kind_are_decoded() {
    let mut decoder = Decoder::new().unwrap();
    for sample in pictures::all(1, 37, 29) {
        let raster = probe_and_decode(&mut decoder, &sample.bytes)
            .unwrap_or_else(|error| panic!("{}: {error}", sample.name));
        assert_eq!((raster.width(), raster.height()), (37, 29), "{}", sample.name);
    }
}

/// Checks that a truncated picture gives either all of its pixels or an error, and never a part of the pixels.
fn check_truncated(decoder: &mut Decoder, name: &str, bytes: &[u8], whole: &Raster) {
    match probe_and_decode(decoder, bytes) {
        // The missing bytes came after the pixels.
        Ok(raster) => assert_eq!(raster.data(), whole.data(), "{name} truncated at {}", bytes.len()),
        Err(Error::Damaged(_) | Error::Unrecognised | Error::Empty) => {}
        Err(other) => panic!("{name} truncated at {}: {other}", bytes.len()),
    }
}

#[test]
fn a_picture_truncated_at_any_byte_is_complete_or_rejected() {
    let mut decoder = Decoder::new().unwrap();
    for sample in pictures::all(2, 33, 21) {
        let whole = probe_and_decode(&mut decoder, &sample.bytes).unwrap();
        for end in 0..sample.bytes.len() {
            check_truncated(&mut decoder, sample.name, &sample.bytes[..end], &whole);
        }
    }
}

#[test]
fn flipped_bits_give_pixels_or_an_error() {
    let mut decoder = Decoder::new().unwrap();
    let limits = Limits { max_pixels: 4_000_000, ..Limits::default() };
    // The rarer kinds share most of the code, and some build large tables.
    let common = pictures::all(3, 19, 17).into_iter().map(|sample| (sample, 10_000));
    let samples = common.chain(rare::all(3, 19, 17).into_iter().map(|sample| (sample, 300)));
    for (seed, (sample, flips)) in samples.enumerate() {
        let mut numbers = Numbers::new(seed as u64);
        let mut bytes = sample.bytes.clone();
        for _ in 0..flips {
            let bit = numbers.below(bytes.len() as u64 * 8);
            let (at, mask) = ((bit / 8) as usize, 1 << (bit % 8));
            bytes[at] ^= mask;
            if let Ok(probe) = probe(&bytes, &limits) {
                let scale = [1.0, 0.5, 0.0][numbers.below(3) as usize];
                if let Ok(raster) = decoder.decode(&bytes, &probe, scale, &Unmonitored) {
                    assert!(raster.width() <= probe.width && raster.height() <= probe.height);
                }
            }
            // Half of the flips stay for a while, so that damage accumulates.
            if numbers.below(2) == 0 {
                bytes[at] ^= mask;
            }
            if numbers.below(8) == 0 {
                bytes.clone_from(&sample.bytes);
            }
        }
    }
}
