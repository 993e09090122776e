//! Examples of good answers.

use serde_json::{Value, json};

use super::parameters::JOB_ID;

const LINK: &str = "https://huemill.example/links/etwP_lKn0bPz";

fn color(hex: &str, rgb: [u8; 3], oklch: [f64; 3], share: f64, names: [&str; 2], text: &str) -> Value {
    json!({
        "hex": hex, "rgb": rgb, "oklch": { "l": oklch[0], "c": oklch[1], "h": oklch[2] }, "share": share,
        "name": names[0], "css_name": names[1], "text": text, "derived": false,
    })
}

/// The members of a picture, after these.
fn with_picture(mut members: Value, social_image: &str) -> Value {
    let navy =
        || color("#0a1b2c", [10, 27, 44], [0.2189, 0.0421, 249.2], 0.72, ["midnight", "black"], "#ffffff");
    let sand =
        || color("#e8d5b7", [232, 213, 183], [0.8808, 0.0447, 82.6], 0.28, ["sand", "wheat"], "#000000");
    let scheme = |ground: &str, ink: &str| {
        json!({
            "background": ground, "surface": ground, "primary": ink, "on_primary": ground, "accent": ink, "text": ink,
        })
    };
    let picture = json!({
        "palette": [[10, 27, 44], [232, 213, 183]],
        "colors": [navy(), sand()],
        "roles": {
            "dominant": navy(), "vibrant": null, "muted": sand(), "dark": navy(), "light": sand(), "accent": null,
            "background": sand(), "text": navy(),
        },
        "scheme": { "light": scheme("#fdf8f0", "#0a1b2c"), "dark": scheme("#0a1b2c", "#e8d5b7") },
        "average": "#485053",
        "is_dark": true,
        "placeholder": "1QcSHQRnh493V4dIh4eXh1h4kJUI",
        "crop": { "x": 0, "y": 120, "width": 1200, "height": 800, "score": 0.81 },
        "card_crop": { "x": 0, "y": 60, "width": 1200, "height": 900 },
        "subject": { "x": 310, "y": 200, "width": 420, "height": 610 },
        "faces": [{ "x": 420, "y": 230, "width": 140, "height": 140 }],
        "source": { "format": "jpeg", "width": 1200, "height": 1600, "orientation": 6 },
        "social_image": social_image,
    });
    if let (Value::Object(members), Value::Object(picture)) = (&mut members, picture) {
        members.extend(picture);
    }
    members
}

pub(super) fn picture() -> Value {
    with_picture(json!({ "success": true }), "data:image/png;base64,iVBORw0KGgo=")
}

fn failed(filename: &str) -> Value {
    let text = "The file cannot be read. It may be damaged or incomplete: send another copy.";
    json!({ "index": 1, "filename": filename, "error_code": "PROCESSING_ERROR", "user_message": text })
}

pub(super) fn zip() -> Value {
    let first = with_picture(
        json!({ "index": 0, "filename": "holiday/beach.jpg" }),
        "data:image/png;base64,iVBORw0KGgo=",
    );
    json!({
        "success": true, "results": [first], "processed_count": 1, "total_files": 2,
        "failed": [failed("holiday/broken.jpg")],
    })
}

pub(super) fn fetched() -> Value {
    json!({
        "success": true, "image": "data:image/jpeg;base64,/9j/4AAQSkZJRg==", "content_type": "image/jpeg", "size_mb": 1.25,
    })
}

pub(super) fn accepted() -> Value {
    json!({ "job_id": JOB_ID, "status": "queued", "eta_s": 4, "request_id": "c298c805" })
}

fn summary(status: &str) -> Value {
    json!({
        "job_id": JOB_ID, "status": status, "type": "zip_batch", "request_id": "c298c805", "created_at": 1_700_000_000,
        "started_at": 1_700_000_001, "finished_at": 1_700_000_009, "expires_at": 1_700_086_400, "results_count": 1,
        "failed_count": 1, "download_url": format!("{LINK}/results.zip"), "download_expires_at": 1_700_086_400,
    })
}

/// A job that ended.
pub(super) fn job(status: &str) -> Value {
    let mut job = summary(status);
    let card = format!("{LINK}/cards/0");
    job["results"] = json!([with_picture(json!({ "index": 0, "filename": "beach.jpg" }), &card)]);
    job["failed"] = json!([failed("broken.jpg")]);
    job
}

pub(super) fn job_pictures() -> Value {
    let job = job("completed");
    json!({
        "job_id": JOB_ID, "status": "processing", "results": job["results"], "failed": job["failed"], "total": 4,
        "next": null,
    })
}

pub(super) fn job_page() -> Value {
    json!({ "jobs": [summary("completed")], "next_cursor": null })
}

/// An event stream.
pub(super) fn events() -> String {
    let progress = json!({
        "job_id": JOB_ID, "status": "processing", "type": "zip_batch", "request_id": "c298c805",
        "created_at": 1_700_000_000, "started_at": 1_700_000_001, "expires_at": 1_700_086_400, "progress": 50, "eta_s": 4,
        "total": 4,
    });
    let ended = summary("completed");
    format!(
        "retry: 2741\n\nevent: progress\nid: 3\ndata: {progress}\n\nevent: completed\nid: 5\ndata: {ended}\n\n"
    )
}

pub(super) fn delivery() -> Value {
    let attempt = json!({
        "number": 1, "at": 1_700_000_010, "status_code": 503, "reason": "server_error", "duration_ms": 84, "answer": "",
    });
    json!({
        "id": "dlv_018c0000000000112233445566778899aabbccddeeff", "job_id": JOB_ID, "status": "pending",
        "attempts": [attempt], "next_attempt_at": 1_700_000_045, "created_at": 1_700_000_009, "finished_at": null,
        "host": "example.org",
    })
}

pub(super) fn key() -> Value {
    json!({
        "id": "4fTq8Zb1Xc0P", "name": "web front end", "scopes": ["process", "jobs:read", "jobs:write"],
        "limits": { "requests_per_minute": 600 }, "created_at": 1_700_000_000, "expires_at": null, "last_used_at": null,
    })
}

pub(super) fn created_key() -> Value {
    let mut key = key();
    key["key"] = "hm_4fTq8Zb1Xc0P_…".into();
    key["webhook_secret"] = "whsec_…".into();
    key
}

pub(super) fn processes() -> Value {
    let process = json!({
        "id": "p_7e3e640d", "host": "node-1", "version": "0.1.0", "role": "all", "slots": 4, "started_at": 1_700_000_000,
        "beat_at": 1_700_000_300, "alive": true, "duties": ["sweep"], "pictures": 2,
    });
    json!({ "processes": [process] })
}

pub(super) fn health() -> Value {
    json!({
        "status": "healthy", "service": "huemill", "version": "0.1.0",
        "features": ["palette", "crop", "card", "zip", "jobs"], "uptime_seconds": 86_400,
    })
}

pub(super) fn readiness(ready: bool) -> Value {
    let mut disk = json!({ "ok": ready, "free_bytes": 41_231_028_224_u64, "least_bytes": 1_073_741_824 });
    let mut body = json!({ "ready": ready });
    if !ready {
        disk["reason"] = "too little is free".into();
        body["reason"] = "a dependency is not well".into();
    }
    body["dependencies"] = json!({ "disk": ready });
    body["uptime_seconds"] = 86_400.into();
    body["active_requests"] = 3.into();
    body["error_rate_last_5m"] = json!(0.001);
    body["checks"] = json!({ "disk": disk });
    body
}

pub(super) fn webhook() -> Value {
    json!({
        "created_at": 1_700_000_000, "download_url": format!("{LINK}/results.zip"), "failed_count": 1,
        "finished_at": 1_700_000_009, "job_id": JOB_ID, "request_id": "c298c805", "results_count": 37,
        "status": "completed", "timestamp": 1_700_000_010,
    })
}
