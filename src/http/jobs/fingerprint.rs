//! The digest of what a request asks for: the same files and fields give the same, however the body was written.

use huemill_imaging::{CardFormat, Options};
use sha2::{Digest, Sha256};

use super::fields::Fields;
use crate::http::hex;
use crate::http::upload::parcel::{File, Sent};

/// The fingerprint of a job's request, in hex.
#[must_use]
pub(crate) fn of(sent: &Sent, fields: &Fields) -> String {
    let mut print = Print(Sha256::new());
    match sent {
        // A ZIP's own name is used for nothing.
        Sent::One(file) => print.words(["zip".as_bytes(), &file.digest]),
        Sent::Many(files) => {
            for File { name, digest, .. } in files {
                print.words(["image".as_bytes(), name.as_deref().unwrap_or_default().as_bytes(), digest]);
            }
        }
        Sent::List(list) => list.iter().for_each(|url| print.words(["url", url].map(str::as_bytes))),
    }
    let Fields { options, priority, ttl, callback_url } = fields;
    print.words([
        options_word(options).as_bytes(),
        priority.as_str().as_bytes(),
        ttl.as_secs().to_string().as_bytes(),
        callback_url.as_deref().unwrap_or_default().as_bytes(),
    ]);
    hex(&print.0.finalize())
}

fn options_word(options: &Options) -> String {
    let card = match options.card {
        CardFormat::Png => "png".to_owned(),
        CardFormat::Jpeg { quality } => format!("jpeg {quality}"),
        CardFormat::WebP => "webp".to_owned(),
    };
    format!("{} {} {card}", options.colors(), options.aspect)
}

/// Words with their lengths, so that no two lists of words read the same.
struct Print(Sha256);

impl Print {
    fn words<const N: usize>(&mut self, words: [&[u8]; N]) {
        for word in words {
            self.0.update((word.len() as u64).to_be_bytes());
            self.0.update(word);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn fields(query: &str) -> Fields {
        Fields::read(query, &[]).unwrap()
    }

    fn list(urls: &[&str]) -> Sent {
        Sent::List(urls.iter().map(|url| (*url).to_owned()).collect())
    }

    #[test]
    fn the_same_request_has_the_same_fingerprint() {
        let one = of(&list(&["http://a"]), &fields("colors=10&ttl_h=24"));
        assert_eq!(one, of(&list(&["http://a"]), &fields("")));
        assert_eq!(one.len(), 64);
    }

    #[test]
    fn every_difference_shows() {
        let queries = [
            "",
            "colors=5",
            "aspect=1:1",
            "format=webp",
            "format=jpeg",
            "format=jpeg&quality=50",
            "priority=low",
            "ttl_h=25",
            "callback_url=http://x",
        ];
        let mut prints: HashSet<String> =
            queries.iter().map(|query| of(&list(&["a", "b"]), &fields(query))).collect();
        for urls in [&["ab"][..], &["b", "a"], &["a"], &["a", "b", ""]] {
            prints.insert(of(&list(urls), &fields("")));
        }
        assert_eq!(prints.len(), queries.len() + 4);
    }
}
