//! Hashes what a request asks for: the same files and fields have the same fingerprint, however the body was encoded. A
//! repeated idempotency key is compared by it.

use huemill_actors::delivery::hex;
use huemill_imaging::{CardFormat, Options};
use sha2::{Digest, Sha256};

use super::fields::JobFields;
use crate::http::upload::job_upload::{JobInput, UploadedFile};

/// The fingerprint of a job's request, in hex.
pub(crate) fn of(input: &JobInput, fields: &JobFields) -> String {
    let mut hasher = FingerprintHasher(Sha256::new());
    match input {
        // The name of the ZIP itself is not used for anything.
        JobInput::Single(file) => hasher.add(["zip".as_bytes(), &file.digest]),
        JobInput::Files(files) => {
            for UploadedFile { name, digest, .. } in files {
                hasher.add(["image".as_bytes(), name.as_deref().unwrap_or_default().as_bytes(), digest]);
            }
        }
        JobInput::List(list) => list.iter().for_each(|url| hasher.add(["url", url].map(str::as_bytes))),
    }
    let JobFields { options, priority, ttl, callback_url } = fields;
    hasher.add([
        options_text(options).as_bytes(),
        priority.as_str().as_bytes(),
        ttl.as_secs().to_string().as_bytes(),
        callback_url.as_deref().unwrap_or_default().as_bytes(),
    ]);
    hex(&hasher.0.finalize())
}

/// The options of the first version. It knew no others, and a request of its time must have the same fingerprint when it is
/// repeated.
const FIRST: [&str; 4] = ["colors", "aspect", "format", "quality"];

fn options_text(options: &Options) -> String {
    let card = match options.card {
        CardFormat::Png => "png".to_owned(),
        CardFormat::Jpeg { quality } => format!("jpeg {quality}"),
        CardFormat::WebP => "webp".to_owned(),
    };
    let others = options.fields().into_iter().filter(|(name, _)| !FIRST.contains(name));
    others.fold(format!("{} {} {card}", options.colors(), options.aspect), |text, (name, value)| {
        format!("{text} {name}={value}")
    })
}

/// Hashes texts with their lengths, so that no two lists of texts have the same hash.
struct FingerprintHasher(Sha256);

impl FingerprintHasher {
    fn add<const N: usize>(&mut self, texts: [&[u8]; N]) {
        for text in texts {
            self.0.update((text.len() as u64).to_be_bytes());
            self.0.update(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn fields(query: &str) -> JobFields {
        JobFields::parse(query, &[]).unwrap()
    }

    fn list(urls: &[&str]) -> JobInput {
        JobInput::List(urls.iter().map(|url| (*url).to_owned()).collect())
    }

    #[test]
    fn the_same_request_has_the_same_fingerprint() {
        let one = of(&list(&["http://a"]), &fields("colors=10&ttl_h=24"));
        assert_eq!(one, of(&list(&["http://a"]), &fields("")));
        assert_eq!(one.len(), 64);
    }

    #[test]
    fn every_difference_changes_the_fingerprint() {
        let queries = [
            "",
            "colors=5",
            "aspect=1:1",
            "palette=classic",
            "crop=classic",
            "focus=0.5,0.3",
            "faces=off",
            "card=og",
            "card=crop&width=300",
            "theme=dark",
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
