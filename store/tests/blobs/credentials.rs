//! Tests that the credentials of a bucket are found like AWS SDKs find them. The S3 server checks each signature and
//! each session token.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use huemill_store::blobs::{BlobError, Blobs, BucketSettings, input_key};
use tempfile::NamedTempFile;

use crate::job;
use crate::s3::S3;
use crate::server::{Request, Server, answer};

const ROLE: &str = "arn:aws:iam::123456789012:role/huemill";
const IDENTITY: &str = "the-token-of-the-pod";

/// Credentials of a session.
struct Session {
    id: String,
    key: String,
    token: String,
}

/// A server with a role that has full access to a bucket.
struct Cloud {
    server: Arc<S3>,
    bucket: String,
}

impl Cloud {
    fn start() -> Self {
        let server = Arc::new(S3::start());
        let form = "Content-Type: application/x-www-form-urlencoded\r\n";
        for action in [
            "CreateRole&RoleName=huemill&AssumeRolePolicyDocument=%7B%7D".to_owned(),
            "PutRolePolicy&RoleName=huemill&PolicyName=all&PolicyDocument=%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C%22Action%22%3A%22s3%3A%2A%22%2C%22Resource%22%3A%22%2A%22%7D%5D%7D".to_owned(),
        ] {
            let answer = server.call("iam", "POST", "/", form, &format!("Action={action}&Version=2010-05-08"));
            assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        }
        let bucket = server.bucket();
        Self { server, bucket }
    }

    /// Credentials that the security token service issues.
    fn session(&self) -> Session {
        let answer = self.server.call("sts", "POST", &assume("huemill", IDENTITY), "", "");
        let between = |name: &str| {
            let (_, rest) = answer.split_once(&format!("<{name}>")).expect(&answer);
            rest.split_once("</").unwrap().0.to_owned()
        };
        Session {
            id: between("AccessKeyId"),
            key: between("SecretAccessKey"),
            token: between("SessionToken"),
        }
    }

    /// The blob store with the endpoint and these variables as its environment.
    fn blobs(&self, variables: &[(&str, &str)]) -> Blobs {
        let endpoint = self.server.endpoint();
        let find = |name: &str| match name {
            "AWS_ENDPOINT_URL_S3" => Some(endpoint.clone()),
            name => variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()),
        };
        Blobs::open(&format!("s3://{}", self.bucket), &BucketSettings::default(), &find).unwrap()
    }
}

fn assume(session: &str, identity: &str) -> String {
    format!(
        "/?Action=AssumeRoleWithWebIdentity&DurationSeconds=3600&RoleArn={}&RoleSessionName={session}&Version=2011-06-15&WebIdentityToken={identity}",
        ROLE.replace(':', "%3A").replace('/', "%2F")
    )
}

fn file(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn path(file: &NamedTempFile) -> &str {
    file.path().to_str().unwrap()
}

/// Checks that signed calls work.
async fn check_access(blobs: &Blobs) {
    let id = job(1);
    let key = input_key(&id, 0);
    blobs.put(&key, Bytes::from_static(b"signed")).await.unwrap();
    assert_eq!(blobs.get(&key).await.unwrap(), "signed");
    assert_eq!(blobs.remove_job(&id, true).await.unwrap(), 1);
}

/// Checks that calls fail with this error.
async fn check_no_access(blobs: &Blobs, name: &str) {
    let put = blobs.put(&input_key(&job(1), 0), Bytes::new()).await;
    assert!(matches!(&put, Err(error @ BlobError::Away(_)) if error.to_string().contains(name)), "{put:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_session_token_is_sent_with_the_keys() {
    crate::servers::require!(S3);
    let cloud = Cloud::start();
    let Session { id, key, token } = cloud.session();
    cloud.server.require_signatures();
    let with = |token: &str| {
        cloud.blobs(&[
            ("AWS_ACCESS_KEY_ID", &id),
            ("AWS_SECRET_ACCESS_KEY", &key),
            ("AWS_SESSION_TOKEN", token),
        ])
    };
    check_access(&with(&token)).await;
    check_no_access(&with("another"), "InvalidToken").await;
    check_no_access(&with(""), "InvalidAccessKeyId").await;
    let other = [("AWS_ACCESS_KEY_ID", &*id), ("AWS_SECRET_ACCESS_KEY", "x"), ("AWS_SESSION_TOKEN", &token)];
    check_no_access(&cloud.blobs(&other), "SignatureDoesNotMatch").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_web_identity_is_exchanged_for_the_credentials_of_its_role() {
    crate::servers::require!(S3);
    let cloud = Arc::new(Cloud::start());
    let (asked, service) = (Arc::new(AtomicU32::new(0)), Arc::clone(&cloud));
    let count = Arc::clone(&asked);
    // The real service behind TLS, which clients require here. After that, S3 checks the issued credentials.
    let (sts, authority) = Server::start_tls(move |request: &Request| {
        if request.path != assume("session-1", IDENTITY) {
            return answer("403 Forbidden", "<Error><Code>AccessDenied</Code></Error>");
        }
        count.fetch_add(1, Ordering::Relaxed);
        let answer = service.server.call("sts", "POST", &request.path, "", "");
        service.server.require_signatures();
        answer
    })
    .await;
    let endpoint = sts.endpoint();
    let (right, wrong) = (file(IDENTITY), file("another"));
    let with = |identity: &NamedTempFile| {
        cloud.blobs(&[
            ("AWS_WEB_IDENTITY_TOKEN_FILE", path(identity)),
            ("AWS_ROLE_ARN", ROLE),
            ("AWS_ROLE_SESSION_NAME", "session-1"),
            ("AWS_ENDPOINT_URL_STS", &endpoint),
            ("AWS_CA_BUNDLE", path(&authority)),
            // An empty variable counts as not set.
            ("AWS_ACCESS_KEY_ID", ""),
        ])
    };
    check_access(&with(&right)).await;
    assert_eq!(asked.load(Ordering::Relaxed), 1, "credentials are kept until they expire");
    check_no_access(&with(&wrong), "AccessDenied").await;
}

/// The document that contains the credentials for containers and instances.
fn document(session: &Session) -> String {
    let Session { id, key, token } = session;
    format!(
        r#"{{"AccessKeyId":"{id}","SecretAccessKey":"{key}","Token":"{token}","Expiration":"2099-01-01T00:00:00Z"}}"#
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_gets_credentials_with_the_token_in_its_file() {
    crate::servers::require!(S3);
    let cloud = Cloud::start();
    let found = document(&cloud.session());
    cloud.server.require_signatures();
    let agent = Server::start(move |request: &Request| {
        if request.header("authorization") == Some(IDENTITY) && request.path == "/v1/credentials" {
            answer("200 OK", &found)
        } else {
            answer("403 Forbidden", "")
        }
    })
    .await;
    let uri = format!("{}/v1/credentials", agent.endpoint());
    let (right, wrong) = (file(IDENTITY), file("another"));
    let with = |token: &NamedTempFile| {
        cloud.blobs(&[
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", &uri),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", path(token)),
        ])
    };
    check_access(&with(&right)).await;
    check_no_access(&with(&wrong), "403").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_gets_the_credentials_of_its_role() {
    crate::servers::require!(S3);
    let cloud = Cloud::start();
    let found = document(&cloud.session());
    cloud.server.require_signatures();
    let metadata = Server::start(move |request: &Request| {
        let roles = "/latest/meta-data/iam/security-credentials/";
        let known = request.header("x-aws-ec2-metadata-token") == Some("a-session");
        match (&*request.method, &*request.path) {
            ("PUT", "/latest/api/token") => answer("200 OK", "a-session"),
            ("GET", path) if known && path == roles => answer("200 OK", "huemill"),
            ("GET", path) if known && path == format!("{roles}huemill") => answer("200 OK", &found),
            _ => answer("403 Forbidden", ""),
        }
    })
    .await;
    let endpoint = metadata.endpoint();
    check_access(&cloud.blobs(&[("AWS_EC2_METADATA_SERVICE_ENDPOINT", &endpoint)])).await;
}
