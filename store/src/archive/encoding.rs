//! The encoding of names that are not UTF-8. The format has no field for it: Windows programs write the code page of
//! the computer that they run on. All names of an archive have the same one, so they are judged together.
//!
//! An encoding in which a name is not valid is out. Of the others, the one wins in which the names look most like text:
//! each letter has a cost, which is low for what is common in the names of files. Two encodings can both look right for
//! very short names. Then the name is legible in neither or in the wrong one, and nothing else depends on it.

use encoding_rs::{EUC_KR, Encoding, GBK, SHIFT_JIS};

/// The characters of code page 437 from 0x80 on: the encoding of names that are not marked as UTF-8 (APPNOTE appendix
/// D).
const CP437: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}";

/// The most frequent syllables of Korean text. Any two bytes that are one of the others are more likely Chinese.
const COMMON_HANGUL: &str = "가각간감강같개거건걸것게겨결경계고곡공과관광교구국군권그극근글금급기긴길김나난날남내너널네녀년노녹논놀농누눈는능니다단달담당대더데도독돈동되된두드든들등디따때또라락란람랑래량러레려력련령로록론료루류르른를름리린림립링마만말망매머먼메면명모목몸무문물미민밀바박반발방배백버번법베변별병보복본봄부북분불비사산살삼상새색생서석선설성세센소속손송쇼수순술숙스슬습시식신실심아악안않알암압앙앞애야약양어언얼업없에여역연열영예오온올와완왕외요용우운울원월위유육율은을음응의이인일임입자작잔장재저적전절점정제조족존종좋주죽준중즈증지직진질집짜차착찬참창채책처천철첫청체초촌촬최추축출충치친침카코크키타태터테토통트특티파판팔패퍼페편평포표품풍프플피필하학한할함합항해행향허험현형호홍화확환활회획효후휴흐흑희히힘";

/// An encoding of names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum NameEncoding {
    /// Code page 437, in which any bytes are valid.
    #[default]
    Cp437,
    /// Shift-JIS, as on Japanese Windows.
    ShiftJis,
    /// GBK, as on Chinese Windows.
    Gbk,
    /// EUC-KR with its extensions, as on Korean Windows.
    EucKr,
}

impl NameEncoding {
    /// The encodings, the one first that wins if they look the same.
    const ALL: [Self; 4] = [Self::Cp437, Self::ShiftJis, Self::Gbk, Self::EucKr];

    /// The encoding in which these names look most like text.
    pub(super) fn guess(names: &[Vec<u8>]) -> Self {
        let cost = |encoding: &Self| {
            names.iter().try_fold(0_u64, |sum, name| Some(sum + u64::from(encoding.cost(name)?)))
        };
        let judged = Self::ALL.into_iter().filter_map(|encoding| Some((cost(&encoding)?, encoding)));
        judged.min_by_key(|(cost, _)| *cost).map(|(_, encoding)| encoding).unwrap_or_default()
    }

    /// Decodes a name. Invalid bytes are replaced.
    pub(super) fn decode(self, raw: &[u8]) -> String {
        match self.double_byte() {
            Some(encoding) => encoding.decode_without_bom_handling(raw).0.into_owned(),
            None => raw.iter().map(|byte| cp437(*byte)).collect(),
        }
    }

    fn double_byte(self) -> Option<&'static Encoding> {
        match self {
            Self::Cp437 => None,
            Self::ShiftJis => Some(SHIFT_JIS),
            Self::Gbk => Some(GBK),
            Self::EucKr => Some(EUC_KR),
        }
    }

    /// How little a name looks like text, in tenths of a common letter; `None` if it is not valid.
    fn cost(self, raw: &[u8]) -> Option<u32> {
        let Some(encoding) = self.double_byte() else { return Some(european_cost(raw)) };
        encoding.decode_without_bom_handling_and_without_replacement(raw)?;
        let (mut cost, mut at, mut is_after_latin) = (0, 0, false);
        while let Some(&lead) = raw.get(at) {
            let is_kana = self == Self::ShiftJis && matches!(lead, 0xa0..=0xdf);
            let length = if lead < 0x80 || is_kana { 1 } else { 2 };
            if lead >= 0x80 {
                let trail = raw.get(at + 1).copied().unwrap_or_default();
                cost += if is_kana { RARE } else { self.letter_cost(lead, trail) };
                let is_before_latin = raw.get(at + length).is_some_and(u8::is_ascii_alphabetic);
                cost += MIXED * (u32::from(is_after_latin) + u32::from(is_before_latin));
            }
            is_after_latin = lead.is_ascii_alphabetic();
            at += length;
        }
        Some(cost)
    }

    /// The cost of a letter of two bytes.
    fn letter_cost(self, lead: u8, trail: u8) -> u32 {
        match self {
            Self::ShiftJis => match (lead, trail) {
                // Hiragana, katakana and the mark of a long vowel.
                (0x82, 0x9f..=0xf1) | (0x83, 0x40..=0x96) | (0x81, 0x5b) => 2,
                // The kanji of level 1.
                (0x88, 0x9f..) | (0x89..=0x97, _) | (0x98, ..=0x72) => COMMON,
                (0x98..=0x9f | 0xe0..=0xea, _) => 25,
                (0x81 | 0x82, _) => 20,
                _ => RARE,
            },
            // Outside of these rows are characters that Windows has added to the standards.
            _ if trail < 0xa1 || lead < 0xa1 => RARE,
            Self::Gbk => match lead {
                0xb0..=0xd7 => COMMON,
                0xd8..=0xf7 => 22,
                0xa1..=0xa9 => 20,
                _ => RARE,
            },
            Self::EucKr => match lead {
                0xb0..=0xc8 => {
                    let bytes = [lead, trail];
                    let (syllable, _) = EUC_KR.decode_without_bom_handling(&bytes);
                    if COMMON_HANGUL.contains(&*syllable) { 5 } else { 17 }
                }
                0xa1..=0xac => 20,
                0xca..=0xfd => 25,
                _ => RARE,
            },
            Self::Cp437 => RARE,
        }
    }
}

/// The cost of a letter that names often have, in tenths.
const COMMON: u32 = 10;
/// The cost of one that names hardly ever have.
const RARE: u32 = 35;
/// The cost of a Latin letter beside an Asian one.
const MIXED: u32 = 5;

/// What a name costs as text of Western Europe: its accented letters are among Latin ones, one at a time, and of the
/// right case.
fn european_cost(raw: &[u8]) -> u32 {
    let letters: Vec<char> = raw.iter().map(|byte| cp437(*byte)).collect();
    let around = |at: usize| {
        [at.checked_sub(1), Some(at + 1)].map(|near| near.and_then(|near| letters.get(near)).copied())
    };
    let mut cost = 0;
    for (at, letter) in letters.iter().enumerate().filter(|(_, letter)| !letter.is_ascii()) {
        let [before, after] = around(at);
        let is_latin = |near: Option<char>| near.is_some_and(|near| near.is_ascii_alphabetic());
        if !matches!(*letter, 'À'..='ÿ') || *letter == '÷' || *letter == 'ÿ' {
            cost += 30;
            continue;
        }
        cost += if is_latin(before) || is_latin(after) { 3 } else { COMMON };
        cost += if before.is_some_and(|near| !near.is_ascii()) { 5 } else { 0 };
        let small_before_capital = |first: Option<char>, second: Option<char>| {
            first.is_some_and(char::is_lowercase) && second.is_some_and(char::is_uppercase)
        };
        cost += if small_before_capital(before, Some(*letter)) { 10 } else { 0 };
        cost += if small_before_capital(Some(*letter), after) { 10 } else { 0 };
        let is_odd = |near: Option<char>| near.is_some_and(|near| "\\^~@[]`|{}".contains(near));
        cost += if is_odd(after) { 15 } else { 0 };
    }
    cost
}

/// A character of code page 437.
fn cp437(byte: u8) -> char {
    match byte.checked_sub(0x80) {
        None => char::from(byte),
        Some(index) => CP437.chars().nth(usize::from(index)).unwrap_or(char::REPLACEMENT_CHARACTER),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encoded(name: &str, encoding: NameEncoding) -> Vec<u8> {
        if let Some(encoding) = encoding.double_byte() {
            return encoding.encode(name).0.into_owned();
        }
        let byte = |letter: char| {
            let index = CP437.chars().position(|known| known == letter);
            index.map_or(letter as u8, |index| index as u8 + 0x80)
        };
        name.chars().map(byte).collect()
    }

    #[test]
    fn single_names_are_read_in_the_encoding_that_they_were_written_in() {
        let names: [(NameEncoding, &[&str]); 4] = [
            (
                NameEncoding::ShiftJis,
                &[
                    "表紙.png",
                    "写真.jpg",
                    "新しいフォルダー/画像.png",
                    "テスト.png",
                    "ソ.png",
                    "カメラ.jpg",
                    "旅行 2019.jpg",
                    "東京タワー.jpg",
                    "花火大会 2019.jpg",
                    "家族.jpg",
                    "ファイル名(1).png",
                    "予定表.png",
                ],
            ),
            (
                NameEncoding::Gbk,
                &[
                    "照片.jpg",
                    "图片.png",
                    "风景.jpg",
                    "新建文件夹/图片.png",
                    "中国.png",
                    "北京.jpg",
                    "我的照片1.jpg",
                    "截图.png",
                    "微信图片_2019.jpg",
                    "花.jpg",
                    "旅游/海边.jpg",
                ],
            ),
            (
                NameEncoding::EucKr,
                &[
                    "사진.jpg",
                    "새 폴더/그림.png",
                    "한국.png",
                    "서울.jpg",
                    "가족사진1.jpg",
                    "풍경.jpg",
                    "제주도 여행.jpg",
                    "바다.jpg",
                    "이미지.png",
                ],
            ),
            (
                NameEncoding::Cp437,
                &[
                    "über.png",
                    "Größe.jpg",
                    "Füße.jpg",
                    "Köln Ausflüge.jpg",
                    "été.jpg",
                    "à la carte.png",
                    "señor.png",
                    "naïve café.jpg",
                    "Straße/Bäume.png",
                    "Ñandú.png",
                    "crème brûlée.jpg",
                    "château.jpg",
                    "pâte.jpg",
                    "âge.jpg",
                    "Ångström.png",
                    "forêt.jpg",
                    "MÜLL.JPG",
                    "Übung.png",
                    "niño.png",
                ],
            ),
        ];
        for (encoding, names) in names {
            for name in names {
                let raw = encoded(name, encoding);
                let guessed = NameEncoding::guess(std::slice::from_ref(&raw));
                assert_eq!(guessed, encoding, "{name}: {}", guessed.decode(&raw));
            }
        }
    }

    #[test]
    fn names_are_judged_together() {
        // Alone, the second name looks like "ö\.png" of code page 437.
        let names = ["表紙.png", "能.png"].map(|name| encoded(name, NameEncoding::ShiftJis));
        assert_eq!(NameEncoding::guess(&names), NameEncoding::ShiftJis);
        assert_eq!(NameEncoding::guess(&[]), NameEncoding::Cp437);
    }

    proptest! {
        #[test]
        fn any_bytes_have_an_encoding(names in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..20), 0..5)) {
            let encoding = NameEncoding::guess(&names);
            for name in &names {
                let _ = encoding.decode(name);
            }
        }
    }
}
