//! A table of hostile archives and the result that each must have. The ids group them by the kind of attack.

use super::{
    DEFLATED, Member, end, nested, overlapping_quoted, overlapping_wholly, zeros, zip, zip_with, zip64_end,
};

/// One archive and its expected result.
pub struct Hostile {
    pub id: &'static str,
    pub what: String,
    pub bytes: Vec<u8>,
    pub must: Must,
}

/// The expected result of reading an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Must {
    /// The archive is rejected because a path leaves it.
    Traversal,
    /// The archive is rejected before anything is inflated.
    Refused,
    /// The `good` entries contain the picture, and the `bad` ones fail without affecting the others. All other entries
    /// are ignored. Names are as displayed.
    Entries { good: Vec<String>, bad: Vec<String> },
    /// The archive is well-formed and has this many pictures.
    Pictures(usize),
}

impl Must {
    fn entries(good: &[&str], bad: &[&str]) -> Self {
        let own = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        Self::Entries { good: own(good), bad: own(bad) }
    }
}

fn row(id: &'static str, what: impl Into<String>, bytes: Vec<u8>, must: Must) -> Hostile {
    Hostile { id, what: what.into(), bytes, must }
}

/// All rows of the table. `picture` is the contents of the harmless entries.
pub fn table(picture: &[u8]) -> Vec<Hostile> {
    let groups = [paths, overlaps, bombs, crowds, ends, special, names, disguises, methods, nothing];
    groups.iter().flat_map(|group| group(picture)).collect()
}

fn paths(picture: &[u8]) -> Vec<Hostile> {
    let paths = [
        "../../etc/x.png",
        "..\\..\\x.png",
        "/abs.png",
        "C:\\x.png",
        "c:x.png",
        "\\\\server\\share\\x.png",
        "//server/share/x.png",
        "a/../../x.png",
        "a/..",
        "..",
        ".. /x.png",
        " /abs.png",
        "..\0/x.png",
        ".../x.png",
        "\0/abs.png",
        "\u{202e}../x.png",
        ".\u{200b}./x.png",
        "dir\\..\\..\\x.png",
        "\\abs.png",
        "../",
        "__MACOSX/../../x.png",
    ];
    let archive = |path: &str| zip(&[Member::stored("a.png", picture), Member::stored(path, picture)]);
    let refused = |path: &str| row("Z1", format!("{path:?}"), archive(path), Must::Traversal);
    let mut rows = Vec::from(paths.map(refused));
    let folder = zip(&[Member::stored("photos\\2019\\a.png", picture)]);
    rows.push(row("Z1", "backslashes that stay inside", folder, Must::entries(&["photos/2019/a.png"], &[])));
    let harmless = Member::stored("a.png", picture);
    let checksum = crc32fast::hash(b"a.png");
    let hidden = zip(&[harmless.clone().with_unicode_path("../x.png", checksum)]);
    rows.push(row("Z1", "a Unicode path that leaves", hidden, Must::Traversal));
    let unused = zip(&[harmless.with_unicode_path("../x.png", checksum ^ 1)]);
    rows.push(row("Z1", "a Unicode path of another name", unused, Must::entries(&["a.png"], &[])));
    rows
}

fn overlaps(picture: &[u8]) -> Vec<Hostile> {
    let greedy =
        |more: u64| Member { claimed: Some(picture.len() as u64 + more), ..Member::stored("a.png", picture) };
    let last = [Member::stored("b.png", picture), greedy(1)];
    let first = [greedy(1), Member::stored("b.png", picture)];
    vec![
        row("Z2", "a thousand entries, one place", overlapping_wholly(1000, picture), Must::Refused),
        row("Z2", "quoted local headers", overlapping_quoted(200, picture), Must::Refused),
        row("Z2", "two quoted local headers", overlapping_quoted(2, picture), Must::Refused),
        row("Z2", "data that reach into the next entry", zip(&first), Must::Refused),
        row("Z2", "data that reach into the directory", zip(&last), Must::Refused),
    ]
}

fn bombs(picture: &[u8]) -> Vec<Hostile> {
    let good = Member::stored("a.png", picture);
    let bomb = |total: u64, claim: u64| {
        zip(&[Member { size: claim, zip64: true, ..zeros("b.png", total) }, good.clone()])
    };
    let liar = |claim| zip(&[Member { size: claim, ..Member::deflated("b.png", picture) }, good.clone()]);
    let one_bad = || Must::entries(&["a.png"], &["b.png"]);
    vec![
        row("Z3", "archives in archives", nested(3, 4), Must::entries(&[], &[])),
        row("Z4", "10 GiB of zeros, declared", bomb(10 << 30, 10 << 30), one_bad()),
        row("Z5", "10 declared, 1 GiB given", bomb(1 << 30, 10), one_bad()),
        row("Z5", "none declared, 1 GiB given", bomb(1 << 30, 0), one_bad()),
        row("Z5", "40 MB declared, 1 GiB given", bomb(1 << 30, 40_000_000), one_bad()),
        row("Z5", "1 GB declared, little given", liar(1_000_000_000), one_bad()),
        row("Z5", "40 MB declared, little given", liar(40_000_000), one_bad()),
    ]
}

fn crowds(picture: &[u8]) -> Vec<Hostile> {
    let empty: Vec<_> = (0..70_000).map(|index| Member::stored(format!("{index}"), b"")).collect();
    let pictures: Vec<_> = (0..51).map(|index| Member::stored(format!("{index:02}.png"), picture)).collect();
    let honest = zip(&empty);
    // The count modulo 65,536 and no zip64 record, like careless tools write it.
    let mut wrapped = honest.clone();
    let (zip64, tail) = (wrapped.len() - 22 - 76, wrapped.split_off(wrapped.len() - 22));
    wrapped.truncate(zip64);
    wrapped.extend(&tail);
    let count = wrapped.len() - 14;
    wrapped[count..count + 4].copy_from_slice(&[4464u16.to_le_bytes(), 4464u16.to_le_bytes()].concat());
    vec![
        row("Z6", "70,000 entries", honest, Must::Refused),
        row("Z6", "70,000 entries that count as 4,464", wrapped, Must::Refused),
        row("Z6", "51 pictures", zip(&pictures), Must::Pictures(51)),
    ]
}

fn ends(picture: &[u8]) -> Vec<Hostile> {
    let good = zip(&[Member::stored("a.png", picture)]);
    let start = good.len() - 22 - 46 - 5;
    let with_end = |end: Vec<u8>| [&good[..good.len() - 22], &end].concat();
    let zip64 = |count, length, at| {
        with_end([zip64_end(count, length, at), end(0xffff, 51, start as u64, b"")].concat())
    };
    let huge = |member: Member| zip(&[Member { zip64: true, ..member }]);
    let endless = Member { claimed: Some(u64::MAX), ..Member::stored("a.png", picture) };
    let boundless = Member { size: u64::MAX, ..Member::deflated("a.png", picture) };
    let mut on_disks = good.clone();
    on_disks[good.len() - 18] = 1;
    let mut rows = vec![
        row("Z7", "compressed size 2^64-1", huge(endless), Must::Refused),
        row("Z7", "size 2^64-1", huge(boundless), Must::entries(&[], &["a.png"])),
        row("Z7", "directory past the end", with_end(end(1, 51, 1 << 30, b"")), Must::Refused),
        row("Z7", "directory in the entry", with_end(end(1, 51, 4, b"")), Must::Refused),
        row("Z7", "two entries promised", with_end(end(2, 51, start as u64, b"")), Must::Refused),
        row("Z7", "no entry promised", with_end(end(0, 51, start as u64, b"")), Must::Refused),
        row("Z7", "2^64-1 entries promised", zip64(u64::MAX, 51, start as u64), Must::Refused),
        row("Z7", "directory at 2^64-1", zip64(1, 0, u64::MAX), Must::Refused),
        row("Z7", "split over disks", on_disks, Must::Refused),
        row("Z7", "bytes behind the end", [&good[..], b"\0x"].concat(), Must::Refused),
    ];
    rows.extend([1, 21, 30, 70].map(|cut| {
        row("Z7", format!("{cut} bytes cut off"), good[..good.len() - cut].to_vec(), Must::Refused)
    }));
    rows
}

fn special(picture: &[u8]) -> Vec<Hostile> {
    let modes = [
        ("link", 0o120_777),
        ("char", 0o020_666),
        ("block", 0o060_660),
        ("pipe", 0o010_644),
        ("socket", 0o140_755),
    ];
    let specials = modes.map(|(name, mode)| Member::special(format!("{name}.png"), mode, b"/etc/passwd"));
    let folders = [Member::special("x.png/", 0o040_755, b""), Member::stored("y.png/", b"")];
    let members: Vec<_> =
        [Member::stored("a.png", picture)].into_iter().chain(specials).chain(folders).collect();
    let bad = ["link.png", "char.png", "block.png", "pipe.png", "socket.png", "x.png/", "y.png/"];
    let locked = |name, flags, method| Member { method, flags, ..Member::stored(name, picture) };
    let encrypted = [
        Member::stored("a.png", picture),
        locked("old.png", 1, 0),
        locked("strong.png", 0x41, DEFLATED),
        locked("aes.png", 1, 99),
    ];
    let marked = |name: &str, bytes| Member { attributes: 0x10, ..Member::stored(name, bytes) };
    let odd = Member { attributes: u32::MAX, ..Member::stored("b.png", picture) };
    let unix = Member::special("c.png", 0o040_755, picture);
    let folders = [marked("a.png", picture), odd, unix, marked("e.png", b""), marked("f.png\\", b"")];
    vec![
        row(
            "Z8",
            "files marked as folders",
            zip(&folders),
            Must::entries(&["a.png", "b.png", "c.png"], &["e.png", "f.png/"]),
        ),
        row("Z8", "links, devices, folders", zip(&members), Must::entries(&["a.png"], &bad)),
        row(
            "Z9",
            "encrypted",
            zip(&encrypted),
            Must::entries(&["a.png"], &["old.png", "strong.png", "aes.png"]),
        ),
    ]
}

fn names(picture: &[u8]) -> Vec<Hostile> {
    let all = |what: &str, names: &[&[u8]], shown: &[&str]| {
        let members: Vec<_> = names.iter().map(|name| Member::stored(name, picture)).collect();
        row("Z10", what, zip(&members), Must::entries(shown, &[]))
    };
    let long = [&vec![b'n'; 65_531][..], b".png"].concat();
    let short = format!("{}…{}.png", "n".repeat(957), "n".repeat(60));
    let unicode_path =
        Member::stored("????.png", picture).with_unicode_path("фото.png", crc32fast::hash(b"????.png"));
    let claims_utf8 = Member { flags: 1 << 11, ..Member::stored(b"\xff.png", picture) };
    vec![
        all("twice", &[b"a.png", b"a.png", b"a.png"], &["a.png", "a (2).png", "a (3).png"]),
        all("a number taken", &[b"a.png", b"a (2).png", b"a.png"], &["a.png", "a (2).png", "a (3).png"]),
        all("upper and lower case", &[b"a.png", b"A.PNG"], &["a.png", "A.PNG"]),
        all("NFC and NFD", &["é.png".as_bytes(), "e\u{301}.png".as_bytes()], &["é.png", "e\u{301}.png"]),
        all("NUL", &[b"a.png\0.exe", b"a.png"], &["a.png\u{fffd}.exe", "a.png"]),
        all("line feed and escape", &[b"a\n\x1b[2J.png"], &["a\u{fffd}\u{fffd}[2J.png"]),
        all("right to left", &["a\u{202e}gnp.png".as_bytes()], &["a\u{fffd}gnp.png"]),
        all("code page 437", &[b"\x81ber.png"], &["über.png"]),
        row("Z10", "bad UTF-8", zip(&[claims_utf8]), Must::entries(&["\u{fffd}.png"], &[])),
        all("Shift-JIS", &[b"\x95\x5c\x8e\x86.png", b"\x94\x5c.png"], &["表紙.png", "能.png"]),
        all("GBK", &[b"\xd5\xd5\xc6\xac.png"], &["照片.png"]),
        all("EUC-KR", &[b"\xbb\xe7\xc1\xf8.png"], &["사진.png"]),
        row("Z10", "a Unicode path", zip(&[unicode_path]), Must::entries(&["фото.png"], &[])),
        all("65,535 bytes", &[&long], &[&short]),
        all("no name", &[b"", b""], &["unnamed", "unnamed (2)"]),
    ]
}

fn disguises(picture: &[u8]) -> Vec<Hostile> {
    let good = Member::stored("a.png", picture);
    let renamed = |local: &[u8]| zip(&[Member { local_name: Some(local.to_vec()), ..good.clone() }]);
    let one = || Must::entries(&["a.png"], &[]);
    let plain = zip(std::slice::from_ref(&good));
    let fake = end(0, 0, 0, b"");
    let fake_with_rest = end(0, 0, 0, b"and the rest");
    let buried = [&fake[..], b"and the rest"].concat();
    vec![
        row("Z11", "another local name", renamed(b"b.png"), one()),
        row("Z11", "a longer local name", renamed(b"../../b.png"), one()),
        row("Z12", "a picture before it", [picture, &plain].concat(), Must::Refused),
        row("Z12", "an end record in the comment", zip_with(std::slice::from_ref(&good), &buried), one()),
        row("Z12", "a second end record", zip_with(std::slice::from_ref(&good), &fake), Must::Refused),
        row(
            "Z12",
            "a second end record with a comment",
            zip_with(std::slice::from_ref(&good), &fake_with_rest),
            Must::Refused,
        ),
        row(
            "Z12",
            "a second end record and padding",
            [&zip_with(&[good], &fake)[..], b"\0\0"].concat(),
            Must::Refused,
        ),
        row("Z12", "a line end behind it", [&plain[..], b"\r\n"].concat(), one()),
        row("Z12", "zeros behind it", [&plain[..], &[0; 4096]].concat(), one()),
    ]
}

fn methods(picture: &[u8]) -> Vec<Hostile> {
    let methods = [1, 6, 9, 12, 14, 20, 93, 95, 96, 98, 0xffff];
    let member = |&method: &u16| Member { method, ..Member::stored(format!("{method}.png"), picture) };
    let bad = methods.map(|method| format!("{method}.png"));
    let members: Vec<_> = methods.iter().map(member).chain([Member::deflated("a.png", picture)]).collect();
    let must = Must::Entries { good: vec!["a.png".into()], bad: bad.into() };
    vec![row("Z13", "methods that are not inflated", zip(&members), must)]
}

fn nothing(picture: &[u8]) -> Vec<Hostile> {
    let none = || Must::entries(&[], &[]);
    let junk = [
        "__MACOSX/._a.png",
        "__MACOSX/",
        "._b.png",
        "Thumbs.db",
        "x/thumbs.db",
        "x/.DS_Store",
        "desktop.ini",
    ];
    let good = [Member::stored("a.png", picture)];
    let members: Vec<_> = junk.iter().map(|name| Member::stored(name, b"junk")).chain(good).collect();
    vec![
        row("Z14", "22 bytes", end(0, 0, 0, b""), none()),
        row("Z14", "21 bytes", end(0, 0, 0, b"")[..21].to_vec(), Must::Refused),
        row("Z14", "text alone", zip(&[Member::stored("a.txt", b"text")]), none()),
        row("Z15", "what systems leave behind", zip(&members), Must::entries(&["a.png"], &[])),
    ]
}
