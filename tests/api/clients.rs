//! What clients send that exist already: forms of browsers and mail libraries, JSON with a byte order mark, lists of media
//! types of Java, headers in other charsets than UTF-8.

use std::io::Write;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use reqwest::blocking::Response;
use reqwest::blocking::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::answers::{assert_complete_answer, card, photo};
use crate::archives::{Member, zip};
use crate::job_requests::{accepted, ended, id};
use crate::test_service::{TestService, assert_problem, spawn};

/// A part of a form: the rest of its head after `Content-Disposition: form-data; `, and its body.
type RawPart<'a> = (&'a [u8], &'a [u8]);

/// The body of a form with this boundary.
fn form(boundary: &str, parts: &[RawPart<'_>]) -> Vec<u8> {
    let mut body = Vec::new();
    for (head, bytes) in parts {
        body.extend(format!("--{boundary}\r\nContent-Disposition: form-data; ").as_bytes());
        body.extend(*head);
        body.extend(b"\r\n\r\n");
        body.extend(*bytes);
        body.extend(b"\r\n");
    }
    body.extend(format!("--{boundary}--\r\n").as_bytes());
    body
}

fn post_form(service: &TestService, path: &str, parts: &[RawPart<'_>]) -> Response {
    let request = service.post(path).header("content-type", "multipart/form-data; boundary=XX");
    request.body(form("XX", parts)).send().unwrap()
}

#[test]
fn a_file_name_in_any_charset_is_accepted() {
    let service = spawn();
    let picture = photo("png");
    for (name, shown) in [
        (&b"F\xfc\xdfe.png"[..], "Füße.png"),
        (b"\x95\x5c\x8e\x86.png", "\u{17d}\u{2020}.png"),
        ("Füße.png".as_bytes(), "Füße.png"),
    ] {
        let head = [b"name=\"image\"; filename=\"", name, b"\""].concat();
        let answer = post_form(&service, "/process", &[(&head, &picture)]);
        assert_complete_answer(&answer.json().unwrap(), 10);
        let head = [b"name=\"images\"; filename=\"", name, b"\""].concat();
        let job = ended(&service, id(&accepted(post_form(&service, "/jobs", &[(&head, &picture)]))));
        assert_eq!(job["results"][0]["filename"], shown);
    }
    service.assert_healthy();
}

#[test]
fn an_empty_file_field_beside_the_file_is_no_file() {
    let service = spawn();
    let picture = photo("png");
    let empty =
        |name: &str| format!("name=\"{name}\"; filename=\"\"\r\nContent-Type: application/octet-stream");
    let whole = |name: &str| format!("name=\"{name}\"; filename=\"a.png\"");
    let send = |path: &str, field: &str, bytes: &[u8]| {
        let (empty, whole) = (empty(field), whole(field));
        let empty: RawPart<'_> = (empty.as_bytes(), b"");
        post_form(&service, path, &[empty, (whole.as_bytes(), bytes), empty])
    };
    assert_eq!(send("/process", "image", &picture).status(), 200);
    let album = zip(&[Member::stored("a.png", &picture)]);
    assert_eq!(send("/process_zip", "zip_file", &album).status(), 200);
    accepted(send("/jobs", "zip_file", &album));
    let nothing = post_form(&service, "/process", &[(empty("image").as_bytes(), b"")]);
    let problem = assert_problem(nothing, 400, "NO_INPUT");
    assert_eq!(problem["user_message"], "No picture was chosen.");
    assert!(problem["detail"].as_str().unwrap().contains("form field \"image\""), "{problem}");
    // An empty file with a name is one that was chosen.
    let named =
        [(whole("image").as_bytes().to_vec(), Vec::new()), (whole("image").into_bytes(), picture.clone())];
    let parts: Vec<RawPart<'_>> = named.iter().map(|(head, body)| (&head[..], &body[..])).collect();
    assert_problem(post_form(&service, "/process", &parts), 400, "INVALID_INPUT");
}

#[test]
fn files_that_no_field_asks_for_are_read_and_dropped() {
    let service = spawn();
    let (picture, other) = (photo("png"), vec![7; 3_000_000]);
    let parts: [RawPart<'_>; 3] = [
        (b"name=\"thumbnail\"; filename=\"t.bin\"", &other),
        (b"name=\"image\"; filename=\"a.png\"", &picture),
        (b"name=\"csrf\"", b"\xff\xfe"),
    ];
    assert_complete_answer(&post_form(&service, "/process", &parts).json().unwrap(), 10);
    let parts: [RawPart<'_>; 2] =
        [(b"name=\"images\"; filename=\"a.png\"", &picture), (b"name=\"x\"; filename=\"t.bin\"", &other)];
    accepted(post_form(&service, "/jobs", &parts));
    // All parts together have the limit of the form, also where it is sent in chunks without a length.
    let large = vec![0; 60_000_000];
    let body = form("XX", &[(b"name=\"x\"; filename=\"t.bin\"", &large)]);
    let request = service.post("/process").header("content-type", "multipart/form-data; boundary=XX");
    let body = reqwest::blocking::Body::new(std::io::Cursor::new(body));
    assert_problem(request.body(body).send().unwrap(), 413, "PAYLOAD_TOO_LARGE");
    service.assert_healthy();
}

#[test]
fn a_boundary_without_the_quotes_that_it_needs_is_understood() {
    let service = spawn();
    let picture = photo("png");
    for boundary in ["----=_Part_1_2.3", "a/b", "=?x(1)"] {
        let body = form(boundary, &[(b"name=\"image\"; filename=\"a.png\"", &picture)]);
        let request = service
            .post("/process")
            .header("content-type", format!("multipart/form-data; boundary={boundary}"));
        assert_complete_answer(&request.body(body).send().unwrap().json().unwrap(), 10);
    }
    for content_type in ["multipart/form-data", "multipart/form-data; boundary="] {
        let request = service.post("/process").header("content-type", content_type);
        let problem = assert_problem(request.body(form("XX", &[])).send().unwrap(), 400, "INVALID_INPUT");
        assert!(problem["detail"].as_str().unwrap().contains("boundary"), "{problem}");
    }
}

#[test]
fn a_part_in_a_transfer_encoding_is_refused_by_its_name() {
    let service = spawn();
    let picture = photo("png");
    let part = |encoding: &str, bytes: &[u8]| {
        let head = format!("name=\"image\"; filename=\"a.png\"\r\nContent-Transfer-Encoding: {encoding}");
        post_form(&service, "/process", &[(head.as_bytes(), bytes)])
    };
    let problem =
        assert_problem(part("base64", STANDARD.encode(&picture).as_bytes()), 415, "UNSUPPORTED_MEDIA_TYPE");
    assert!(problem["detail"].as_str().unwrap().contains("Content-Transfer-Encoding"), "{problem}");
    for plain in ["binary", "8BIT"] {
        assert_eq!(part(plain, &picture).status(), 200, "{plain}");
    }
}

#[test]
fn a_byte_order_mark_before_json_is_skipped() {
    let service = spawn();
    let post = |path: &str, body: &Value| {
        let body = [b"\xef\xbb\xbf", body.to_string().as_bytes()].concat();
        service.post(path).header("content-type", "application/json").body(body).send().unwrap()
    };
    let picture = photo("png");
    assert_eq!(post("/process", &json!({"image": STANDARD.encode(&picture)})).status(), 200);
    let album = STANDARD.encode(zip(&[Member::stored("a.png", &picture)]));
    assert_eq!(post("/process_zip", &json!({"zip": album})).status(), 200);
    accepted(post("/jobs", &json!({"zip": album})));
    assert_problem(post("/process", &json!({})), 400, "NO_INPUT");
}

#[test]
fn a_compressed_request_is_refused_by_the_headers_name() {
    let service = spawn();
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&photo("png")).unwrap();
    let body = encoder.finish().unwrap();
    for path in ["/process", "/process_zip", "/jobs", "/fetch_url"] {
        for (encoding, name) in [("gzip", "gzip"), ("br", "br"), ("identity, my own", "Content-Encoding")] {
            let request = service.post(path).header("content-type", "image/png");
            let answer = request.header("content-encoding", encoding).body(body.clone()).send().unwrap();
            let problem = assert_problem(answer, 415, "UNSUPPORTED_MEDIA_TYPE");
            let detail = problem["detail"].as_str().unwrap();
            assert!(detail.contains("Content-Encoding") && detail.contains(name), "{path}: {detail}");
        }
    }
    let plain = service.post("/process").header("content-encoding", "identity");
    let plain = plain.header("content-type", "image/png").body(photo("png"));
    assert_eq!(plain.send().unwrap().status(), 200);
    let elsewhere = service.post("/nowhere").header("content-encoding", "gzip").body("x").send().unwrap();
    assert_problem(elsewhere, 404, "NOT_FOUND");
}

#[test]
fn clients_that_accept_more_than_pictures_get_json() {
    let service = spawn();
    let kind = |accept: &str| {
        let form = Form::new().part("image", Part::bytes(photo("png")).file_name("a.png"));
        let answer = service.post("/process").header("accept", accept).multipart(form).send().unwrap();
        answer.headers()["content-type"].to_str().unwrap().to_owned()
    };
    for json in [
        "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2",
        "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
        "image/png, application/json;q=0.1",
        "image/png;q=0",
    ] {
        assert_eq!(kind(json), "application/json", "{json}");
    }
    assert_eq!(kind("image/webp, image/*;q=0.5"), "image/webp");
    assert_eq!(kind("image/png;q=0, image/*"), "image/jpeg");
}

#[test]
fn options_may_be_fields_of_the_form_or_members_of_json() {
    let service = spawn();
    let picture = photo("png");
    let is_as_asked = |answer: Response, what: &str| {
        let body: Value = answer.json().unwrap();
        assert_eq!(body["palette"].as_array().map(Vec::len), Some(4), "{what}: {body}");
        assert!(body["social_image"].as_str().unwrap().starts_with("data:image/jpeg;"), "{what}");
        assert_eq!(card(&body).width(), 1200, "{what}");
    };
    let form = || {
        let form =
            Form::new().text("colors", "4").text("card", "og").text("format", "jpeg").text("theme", "");
        form.part("image", Part::bytes(picture.clone()).file_name("a.png"))
    };
    is_as_asked(service.post("/process").multipart(form().text("quality", "70")).send().unwrap(), "form");
    is_as_asked(service.post("/process?quality=70").multipart(form()).send().unwrap(), "form and query");
    let image = STANDARD.encode(&picture);
    let json = json!({"image": image, "colors": 4, "card": "og", "format": "jpeg"});
    is_as_asked(service.post("/process").json(&json).send().unwrap(), "JSON");
    let album = zip(&[Member::stored("a.png", &picture)]);
    let zipped = Form::new().text("colors", "4").part("zip_file", Part::bytes(album).file_name("a.zip"));
    let zipped: Value = service.post("/process_zip").multipart(zipped).send().unwrap().json().unwrap();
    assert_eq!(zipped["results"][0]["palette"].as_array().map(Vec::len), Some(4), "{zipped}");
    let css =
        Form::new().text("export", "css").part("image", Part::bytes(picture.clone()).file_name("a.png"));
    let css = service.post("/process").multipart(css).send().unwrap();
    assert!(css.headers()["content-type"].to_str().unwrap().starts_with("text/css"));

    for (query, fields, name) in [
        ("?colors=5", vec![("colors", "4")], "colors"),
        ("", vec![("colors", "4"), ("colors", "4")], "colors"),
        ("", vec![("colors", "1")], "colors"),
        ("", vec![("quality", "70")], "quality"),
        ("", vec![("width", "300")], "width"),
        ("?export=css", vec![("format", "jpeg")], "format"),
        ("?export=css", vec![("export", "scss")], "export"),
    ] {
        let form = Form::new().part("image", Part::bytes(picture.clone()).file_name("a.png"));
        let form = fields.iter().fold(form, |form, (name, value)| form.text(*name, *value));
        let answer = service.post(&format!("/process{query}")).multipart(form).send().unwrap();
        let problem = assert_problem(answer, 400, "INVALID_INPUT");
        assert!(problem["detail"].as_str().unwrap().contains(&format!("`{name}`")), "{problem}");
        assert!(!problem["user_message"].as_str().unwrap().contains('`'), "{problem}");
    }
}

#[test]
fn what_is_no_picture_is_unsupported_and_what_is_cut_off_is_damaged() {
    let service = spawn();
    let album = zip(&[Member::stored("a.txt", b"text")]);
    for (what, bytes) in [
        ("text", &b"just some text\n"[..]),
        ("HTML", b"<!doctype html><title>x</title>"),
        ("an archive", &album),
        ("a video", b"\0\0\0\x18ftypisom\0\0\x02\0isommp42 and the video"),
        ("an audio file", b"RIFF\x10\0\0\0WAVEfmt and the sound"),
    ] {
        let answer = service.process_form(bytes.to_vec());
        let problem = assert_problem(answer, 415, "UNSUPPORTED_MEDIA_TYPE");
        assert!(problem["user_message"].as_str().unwrap().contains("picture"), "{what}: {problem}");
    }
    for cut in [&b"\xff\xd8"[..], b"\x89PN", b"GIF8", b"RIFF\x10\0\0\0WE", b"BM\x36\0", b"II*"] {
        assert_problem(service.process_form(cut.to_vec()), 422, "PROCESSING_ERROR");
    }
    let members = [Member::stored("a.png", &photo("png")), Member::stored("b.png", b"text in disguise")];
    let body: Value = service.process_zip(zip(&members)).json().unwrap();
    assert_eq!(body["failed"][0]["error_code"], "UNSUPPORTED_MEDIA_TYPE", "{body}");
}

#[test]
fn h12b_headers_in_other_charsets_refuse_nothing() {
    let service = spawn();
    let picture = photo("png");
    let head = format!(
        "POST /process HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\nContent-Type: image/png; \
         name=\"F\u{fc}\u{df}e.png\"\r\nUser-Agent: B\u{e4}r\r\nReferer: http://x/\u{fc}\r\nCookie: a=\u{e9}\r\nAccept: \u{fc}/*\r\n\
         Accept-Encoding: \u{fc}\r\nOrigin: \u{fc}\r\n\r\n",
        picture.len()
    );
    // One byte for each letter, as in ISO 8859-1.
    let head: Vec<u8> = head.chars().map(|letter| letter as u8).collect();
    let answer = service.raw(&[&head[..], &picture].concat());
    assert!(answer.starts_with("HTTP/1.1 200"), "{}", &answer[..answer.len().min(400)]);
    service.assert_healthy();
}

#[test]
fn archives_are_read_with_the_names_that_their_packers_gave() {
    let service = spawn();
    let picture = photo("png");
    let members = [
        Member::stored(b"\x95\x5c\x8e\x86.png", &picture),
        Member::stored(b"\x8e\xca\x90\x5e\\\x94\x5c.png", &picture),
        Member::stored("????.png", &picture).with_unicode_path("фото.png", crc32fast::hash(b"????.png")),
        Member { attributes: u32::MAX, ..Member::stored("a.png", &picture) },
    ];
    let archive = [zip(&members), b"\r\n".to_vec()].concat();
    let body: Value = service.process_zip(archive).json().unwrap();
    let names: Vec<_> = body["results"].as_array().unwrap().iter().map(|row| &row["filename"]).collect();
    assert_eq!(names, ["表紙.png", "写真/能.png", "фото.png", "a.png"]);
    let leaving = zip(&[Member::stored("a\\..\\..\\b.png", &picture)]);
    assert_problem(service.process_zip(leaving), 422, "ZIP_TRAVERSAL");
}
