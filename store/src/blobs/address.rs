//! Where blobs lie, from a URL and the environment's AWS variables.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::AmazonS3Builder;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{BackoffConfig, ClientOptions, ObjectStore, RetryConfig};
use url::Url;

use super::BlobError;
use super::bucket::Bucket;

/// What a URL names.
pub(super) enum Address {
    /// `file:///path`.
    Folder(PathBuf),
    /// `s3://bucket/prefix`.
    Bucket(Bucket),
}

/// Reads a variable of the environment.
pub(super) type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

impl Address {
    pub(super) fn parse(url: &str, environment: Environment<'_>) -> Result<Self, BlobError> {
        let parsed = Url::parse(url).map_err(|error| BlobError::Address(format!("{url}: {error}")))?;
        match (parsed.scheme(), parsed.host_str().unwrap_or_default()) {
            ("file", "") => match parsed.to_file_path() {
                Ok(path) => Ok(Self::Folder(path)),
                Err(()) => Err(BlobError::Address(format!("{url} is no path of this system"))),
            },
            ("s3", bucket) if !bucket.is_empty() => {
                bucket_at(bucket, parsed.path(), environment).map(Self::Bucket)
            }
            _ => Err(BlobError::Address(format!("{url} is neither s3://bucket/prefix nor file:///path"))),
        }
    }
}

fn bucket_at(name: &str, prefix: &str, environment: Environment<'_>) -> Result<Bucket, BlobError> {
    let endpoint = variable(environment, "AWS_ENDPOINT_URL");
    let plain = endpoint.as_ref().is_some_and(|endpoint| endpoint.starts_with("http://"));
    let region = variable(environment, "AWS_REGION").unwrap_or_else(|| "us-east-1".to_owned());
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(name)
        .with_region(region)
        .with_client_options(client(plain))
        .with_retry(retries());
    if let Some(endpoint) = endpoint {
        builder = builder.with_endpoint(endpoint);
    }
    builder = match (secret(environment, "AWS_ACCESS_KEY_ID")?, secret(environment, "AWS_SECRET_ACCESS_KEY")?)
    {
        (Some(id), Some(key)) => builder.with_access_key_id(id).with_secret_access_key(key),
        // The machine's own role.
        (None, None) => builder,
        _ => {
            return Err(BlobError::Address(
                "of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY one is missing".into(),
            ));
        }
    };
    let invalid = |error: &dyn std::fmt::Display| BlobError::Address(format!("s3://{name}{prefix}: {error}"));
    let store = builder.build().map_err(|error| invalid(&error))?;
    let prefix = Path::from_url_path(prefix).map_err(|error| invalid(&error))?;
    let store: Arc<dyn ObjectStore> =
        if prefix.as_ref().is_empty() { Arc::new(store) } else { Arc::new(PrefixStore::new(store, prefix)) };
    Ok(Bucket::new(store))
}

/// No limit on a whole answer: a blob is read as fast as its reader can. [`Bucket`] bounds what it waits for.
fn client(plain: bool) -> ClientOptions {
    ClientOptions::new()
        .with_allow_http(plain)
        .with_connect_timeout(Duration::from_secs(3))
        .with_timeout_disabled()
}

fn retries() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig {
            init_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(1),
            base: 2.0,
        },
        max_retries: 3,
        retry_timeout: Duration::from_secs(8),
    }
}

fn variable(environment: Environment<'_>, name: &str) -> Option<String> {
    environment(name).filter(|value| !value.is_empty())
}

/// A variable, or the contents of the file that its `_FILE` names.
fn secret(environment: Environment<'_>, name: &str) -> Result<Option<String>, BlobError> {
    let file = format!("{name}_FILE");
    match (variable(environment, name), variable(environment, &file)) {
        (Some(_), Some(_)) => Err(BlobError::Address(format!("both {name} and {file} are set"))),
        (None, Some(path)) => match std::fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text.trim().to_owned())),
            Err(error) => Err(BlobError::Address(format!("{file}: {path}: {error}"))),
        },
        (value, None) => Ok(value),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn parse(url: &str, variables: &[(&str, &str)]) -> Result<Address, BlobError> {
        let find =
            |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        Address::parse(url, &find)
    }

    #[test]
    fn a_file_url_is_a_folder() {
        let Ok(Address::Folder(path)) = parse("file:///var/lib/a%20b", &[]) else { panic!() };
        assert_eq!(path, PathBuf::from("/var/lib/a b"));
    }

    #[test]
    fn an_s3_url_is_a_bucket() {
        let keys = [("AWS_ACCESS_KEY_ID", "id"), ("AWS_SECRET_ACCESS_KEY", "secret"), ("AWS_REGION", "")];
        for url in ["s3://bucket", "s3://bucket/", "s3://bucket/some/prefix/"] {
            assert!(matches!(parse(url, &keys), Ok(Address::Bucket(_))), "{url}");
        }
    }

    #[test]
    fn a_secret_may_lie_in_a_file() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        std::io::Write::write_all(&mut file, b"secret\n").unwrap();
        let path = file.path().to_str().unwrap();
        let find = |name: &str| (name == "AWS_SECRET_ACCESS_KEY_FILE").then(|| path.to_owned());
        assert_eq!(secret(&find, "AWS_SECRET_ACCESS_KEY").unwrap().unwrap(), "secret");
    }

    #[test]
    fn what_names_no_place_is_refused() {
        let half = [("AWS_ACCESS_KEY_ID", "id")];
        let twice = [("AWS_ACCESS_KEY_ID", "id"), ("AWS_ACCESS_KEY_ID_FILE", "/id")];
        let nowhere = [("AWS_ACCESS_KEY_ID_FILE", "/no/such/file")];
        for (url, variables) in [
            ("", &[][..]),
            ("/var/lib", &[]),
            ("file://host/path", &[]),
            ("s3:///prefix", &[]),
            ("ftp://host/path", &[]),
            ("s3://bucket", &half),
            ("s3://bucket", &twice),
            ("s3://bucket", &nowhere),
        ] {
            let refused = parse(url, variables).err().unwrap_or_else(|| panic!("{url} {variables:?}"));
            assert!(matches!(refused, BlobError::Address(_)), "{url} {variables:?}");
        }
    }
}
