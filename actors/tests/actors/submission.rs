//! Submission: it stores the blobs of a job a few at a time, and either all of them or none.

use crate::proxy::{Mode, Proxy};
use crate::servers::s3::{self, S3};
use crate::support::test_actors::{TestActors, open_storage, settings};
use crate::support::{on_actix, until};
use huemill_actors::fault::Code;
use huemill_actors::intake::Submit;
use huemill_actors::janitor::JanitorSettings;
use huemill_actors::supervise::ask;
use huemill_observability::trace::Scope;
use huemill_store::blobs::{Blobs, BucketSettings, input_key};

/// How many blobs are stored at a time.
const CONCURRENT_UPLOADS: usize = 4;

const PICTURES: [&str; 11] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"];

#[test]
fn four_blobs_of_a_job_are_uploaded_at_a_time() {
    crate::servers::require!(S3);
    on_actix(async {
        let server = S3::shared();
        let bucket = server.bucket();
        let network = Proxy::start(server.endpoint().strip_prefix("http://").unwrap().parse().unwrap());
        let environment = s3::environment(format!("http://{}", network.address()));
        let mut storage = open_storage();
        storage.blobs =
            Blobs::open(&format!("s3://{bucket}/"), &BucketSettings::default(), &environment).unwrap();
        // Without sweeps, no scan for orphans sends requests to the bucket.
        let janitor = JanitorSettings { sweeps: false, ..JanitorSettings::default() };
        let actors = TestActors::with(settings(), janitor, storage);
        network.set(Mode::Hold);

        let submitted = actors.try_submit(&PICTURES, None);
        let watched = async {
            until(|| network.unanswered() >= CONCURRENT_UPLOADS).await;
            // After a whole answer of the server, the number is still the same.
            assert!(server.keys(&bucket).is_empty());
            assert_eq!(network.unanswered(), CONCURRENT_UPLOADS);
            network.set(Mode::Pass);
        };
        let (created, ()) = tokio::join!(submitted, watched);
        created.unwrap();
    });
}

#[test]
fn if_one_blob_cannot_be_stored_none_of_the_job_is_left() {
    on_actix(async {
        let actors = TestActors::start();
        let submission = actors.submission(&PICTURES, None);
        let id = submission.id.clone();
        // A folder takes the place of one of the first four blobs, so that blob cannot be written.
        let obstacle = actors.storage.dir.path().join("blobs").join(input_key(&id, 1)).join("obstacle");
        std::fs::create_dir_all(&obstacle).unwrap();
        let refused = ask(actors.intake(), Submit(submission, Scope::default())).await.unwrap();
        assert_eq!(refused.unwrap_err().code, Code::Overloaded);
        assert_eq!(actors.blobs(), Vec::<String>::new());
        assert_eq!(actors.repository.store.job(&id).await.unwrap(), None);
    });
}
