//! Submission: the blobs of a job are stored a few at a time, and all of them or none.

#![allow(clippy::unwrap_used)]

#[path = "../../tests/support/proxy.rs"]
#[allow(dead_code, unreachable_pub, reason = "other suites use the rest")]
mod proxy;
#[path = "../../store/tests/support/servers.rs"]
mod servers;
mod support;

use huemill_actors::fault::Code;
use huemill_actors::intake::Submit;
use huemill_actors::janitor::JanitorSettings;
use huemill_actors::supervise::ask;
use huemill_observability::trace::Scope;
use huemill_store::blobs::{Blobs, BucketSettings, input_key};
use proxy::{Mode, Proxy};
use servers::s3::{self, S3};
use support::office::{Office, keep, settings};
use support::{on_actix, until};

/// Blobs that are stored at a time.
const AT_ONCE: usize = 4;

const PICTURES: [&str; 11] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"];

#[test]
fn four_blobs_of_a_job_are_on_their_way_at_a_time() {
    crate::servers::require!(S3);
    on_actix(async {
        let server = S3::shared();
        let bucket = server.bucket();
        let network = Proxy::start(server.endpoint().strip_prefix("http://").unwrap().parse().unwrap());
        let environment = s3::environment(format!("http://{}", network.address()));
        let mut kept = keep();
        kept.blobs =
            Blobs::open(&format!("s3://{bucket}/"), &BucketSettings::default(), &environment).unwrap();
        // No walk for orphans asks the bucket meanwhile.
        let janitor = JanitorSettings { sweeps: false, ..JanitorSettings::default() };
        let office = Office::with(settings(), janitor, kept);
        network.set(Mode::Hold);

        let submitted = office.try_submit(&PICTURES, None);
        let watched = async {
            until(|| network.unanswered() >= AT_ONCE).await;
            // A whole answer of the server later, it is still so many.
            assert!(server.keys(&bucket).is_empty());
            assert_eq!(network.unanswered(), AT_ONCE);
            network.set(Mode::Pass);
        };
        let (created, ()) = tokio::join!(submitted, watched);
        created.unwrap();
    });
}

#[test]
fn where_one_blob_cannot_be_stored_none_of_the_job_is_left() {
    on_actix(async {
        let office = Office::open();
        let submission = office.submission(&PICTURES, None);
        let id = submission.id.clone();
        // A folder in the place of one of the first four: its file cannot be put there.
        let obstacle = office.kept.dir.path().join("blobs").join(input_key(&id, 1)).join("obstacle");
        std::fs::create_dir_all(&obstacle).unwrap();
        let refused = ask(office.intake(), Submit(submission, Scope::default())).await.unwrap();
        assert_eq!(refused.unwrap_err().code, Code::Overloaded);
        assert_eq!(office.blobs(), Vec::<String>::new());
        assert_eq!(office.repository.store.job(&id).await.unwrap(), None);
    });
}
