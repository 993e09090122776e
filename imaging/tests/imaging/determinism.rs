//! Tests that the same picture always gives the same bytes: again, on another thread, after other pictures, and in
//! every format.

use crate::bench_pictures;
use huemill_imaging::{CardFormat, Engine, Limits, Options, Outcome, Unmonitored, probe};

fn process(engine: &mut Engine, bytes: &[u8], card: CardFormat) -> Outcome {
    let probe = probe(bytes, &Limits::default()).unwrap();
    engine.process(bytes, &probe, &Options::default().with_card(card), &Unmonitored).unwrap()
}

fn same(a: &Outcome, b: &Outcome) -> bool {
    a.card.bytes == b.card.bytes && a.palette == b.palette && a.crop == b.crop && a.source == b.source
}

#[test]
fn engines_on_different_threads_give_the_same_bytes() {
    let pictures = [
        bench_pictures::jpeg(700, 500, 1),
        bench_pictures::jpeg(3000, 2000, 2),
        bench_pictures::png(&bench_pictures::photo(400, 800, 3)),
        bench_pictures::webp(&bench_pictures::photo(300, 300, 4)),
    ];
    let formats = [CardFormat::Png, CardFormat::WebP, CardFormat::Jpeg { quality: 85 }];
    let run = |order: &[usize]| {
        let mut engine = Engine::new().unwrap();
        let mut outcomes: Vec<_> = order
            .iter()
            .flat_map(|index| formats.map(|format| (*index, format)))
            .map(|(index, format)| (index, process(&mut engine, &pictures[index], format)))
            .collect();
        outcomes.sort_by_key(|(index, _)| *index);
        outcomes
    };
    let (forwards, backwards) = std::thread::scope(|scope| {
        let a = scope.spawn(|| run(&[0, 1, 2, 3]));
        let b = scope.spawn(|| run(&[3, 2, 1, 0]));
        (a.join().unwrap(), b.join().unwrap())
    });
    assert_eq!(forwards.len(), pictures.len() * formats.len());
    for ((index, a), (_, b)) in forwards.iter().zip(&backwards) {
        assert!(same(a, b), "picture {index} as {:?}", a.card.format);
    }
}

#[test]
fn an_engine_gives_the_same_result_again_after_another_picture() {
    let bytes = bench_pictures::jpeg(1300, 900, 9);
    let mut engine = Engine::new().unwrap();
    let first = process(&mut engine, &bytes, CardFormat::Png);
    process(&mut engine, &bench_pictures::png(&bench_pictures::photo(90, 2000, 8)), CardFormat::WebP);
    let again = process(&mut engine, &bytes, CardFormat::Png);
    assert!(same(&first, &again));
}
