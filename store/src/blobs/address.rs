//! Finds the blob store from a URL, the settings of a bucket, and the AWS variables of the environment.
//!
//! Credentials are found in the same order as by AWS SDKs: the keys in the environment (with a session token), a web
//! identity (IRSA), the container's credentials (ECS, EKS pod identity), the role of the instance. Profiles in files
//! are not read.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{BackoffConfig, Certificate, ClientOptions, ObjectStore, RetryConfig};
use url::Url;

use super::bucket::Bucket;
use super::error::BlobError;

/// Settings for a bucket.
#[derive(Debug, Clone)]
pub struct BucketSettings {
    /// How often a failed call is retried.
    pub retries: u32,
    /// For how long a failed call is retried.
    pub retry: Duration,
    /// `AES256`, `aws:kms`, `aws:kms:dsse`, or empty for the default of the bucket.
    pub encryption: String,
    /// The key for `aws:kms` and `aws:kms:dsse`. Empty for the default key of the account.
    pub kms_key: String,
}

impl Default for BucketSettings {
    fn default() -> Self {
        Self { retries: 3, retry: Duration::from_secs(8), encryption: String::new(), kms_key: String::new() }
    }
}

/// The kind of blob store that a URL refers to.
pub(super) enum Address {
    /// `file:///path`.
    Folder(PathBuf),
    /// `s3://bucket/prefix`.
    Bucket(Bucket),
}

/// Reads a variable of the environment.
pub(super) type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

impl Address {
    pub(super) fn parse(
        url: &str,
        settings: &BucketSettings,
        environment: Environment<'_>,
    ) -> Result<Self, BlobError> {
        let parsed = Url::parse(url).map_err(|error| BlobError::Address(format!("{url}: {error}")))?;
        match (parsed.scheme(), parsed.host_str().unwrap_or_default()) {
            ("file", "") => match parsed.to_file_path() {
                Ok(path) => Ok(Self::Folder(path)),
                Err(()) => Err(BlobError::Address(format!("{url} is not a path on this system"))),
            },
            ("s3", bucket) if !bucket.is_empty() => {
                bucket_at(bucket, parsed.path(), settings, environment).map(Self::Bucket)
            }
            _ => Err(BlobError::Address(format!("{url} is neither s3://bucket/prefix nor file:///path"))),
        }
    }
}

fn bucket_at(
    name: &str,
    prefix: &str,
    settings: &BucketSettings,
    environment: Environment<'_>,
) -> Result<Bucket, BlobError> {
    let invalid = |error: &dyn std::fmt::Display| BlobError::Address(format!("s3://{name}{prefix}: {error}"));
    let builder = encrypted(builder(environment)?, settings).map_err(|error| invalid(&error))?;
    let store = builder.with_bucket_name(name).with_retry(retries(settings)).build();
    let store = store.map_err(|error| invalid(&error))?;
    let prefix = Path::from_url_path(prefix).map_err(|error| invalid(&error))?;
    let store: Arc<dyn ObjectStore> =
        if prefix.as_ref().is_empty() { Arc::new(store) } else { Arc::new(PrefixStore::new(store, prefix)) };
    Ok(Bucket::new(store, settings.retry))
}

/// The variables that are passed to the client. If two variables set the same option, the first one counts.
const VARIABLES: [(&str, AmazonS3ConfigKey); 13] = [
    ("AWS_ENDPOINT_URL_S3", AmazonS3ConfigKey::S3Endpoint),
    ("AWS_ENDPOINT_URL", AmazonS3ConfigKey::Endpoint),
    ("AWS_REGION", AmazonS3ConfigKey::Region),
    ("AWS_DEFAULT_REGION", AmazonS3ConfigKey::DefaultRegion),
    ("AWS_SESSION_TOKEN", AmazonS3ConfigKey::Token),
    ("AWS_WEB_IDENTITY_TOKEN_FILE", AmazonS3ConfigKey::WebIdentityTokenFile),
    ("AWS_ROLE_ARN", AmazonS3ConfigKey::RoleArn),
    ("AWS_ROLE_SESSION_NAME", AmazonS3ConfigKey::RoleSessionName),
    ("AWS_ENDPOINT_URL_STS", AmazonS3ConfigKey::StsEndpoint),
    ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", AmazonS3ConfigKey::ContainerCredentialsRelativeUri),
    ("AWS_CONTAINER_CREDENTIALS_FULL_URI", AmazonS3ConfigKey::ContainerCredentialsFullUri),
    ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", AmazonS3ConfigKey::ContainerAuthorizationTokenFile),
    ("AWS_EC2_METADATA_SERVICE_ENDPOINT", AmazonS3ConfigKey::MetadataEndpoint),
];

fn builder(environment: Environment<'_>) -> Result<AmazonS3Builder, BlobError> {
    let find = |name| variable(environment, name);
    let endpoint = find("AWS_ENDPOINT_URL_S3").or_else(|| find("AWS_ENDPOINT_URL"));
    let plain = endpoint.is_some_and(|endpoint| endpoint.starts_with("http://"));
    let set = |builder: AmazonS3Builder, (name, key)| match find(name) {
        Some(value) => builder.with_config(key, value),
        None => builder,
    };
    let client = client(plain, find("AWS_CA_BUNDLE").as_deref())?;
    let builder = VARIABLES.into_iter().fold(AmazonS3Builder::new(), set).with_client_options(client);
    match (secret(environment, "AWS_ACCESS_KEY_ID")?, secret(environment, "AWS_SECRET_ACCESS_KEY")?) {
        (Some(id), Some(key)) => Ok(builder.with_access_key_id(id).with_secret_access_key(key)),
        (None, None) => reject_incomplete(&find).map(|()| builder),
        _ => Err(BlobError::Address("one of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY is missing".into())),
    }
}

/// Rejects credentials of which only a part is set. The client would ignore them and use another identity than
/// intended.
fn reject_incomplete(find: &dyn Fn(&'static str) -> Option<String>) -> Result<(), BlobError> {
    for (one, other) in [
        ("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN"),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"),
    ] {
        if find(one).is_some() && find(other).is_none() {
            return Err(BlobError::Address(format!("{one} is set, but {other} is not")));
        }
    }
    Ok(())
}

/// The client's names for the encryption settings.
const ENCRYPTION: &str = "aws_server_side_encryption";
const KMS_KEY: &str = "aws_sse_kms_key_id";

fn encrypted(
    builder: AmazonS3Builder,
    settings: &BucketSettings,
) -> Result<AmazonS3Builder, object_store::Error> {
    [(ENCRYPTION, &settings.encryption), (KMS_KEY, &settings.kms_key)]
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .try_fold(builder, |builder, (name, value)| Ok(builder.with_config(name.parse()?, value)))
}

/// The options of the HTTP client. There is no limit on a whole response, because a blob is read as fast as its reader
/// can take it. [`Bucket`] limits each wait.
fn client(plain: bool, authorities: Option<&str>) -> Result<ClientOptions, BlobError> {
    let options = ClientOptions::new()
        .with_allow_http(plain)
        .with_connect_timeout(Duration::from_secs(3))
        .with_timeout_disabled();
    let Some(path) = authorities else { return Ok(options) };
    let unusable =
        |error: &dyn std::fmt::Display| BlobError::Address(format!("AWS_CA_BUNDLE: {path}: {error}"));
    let bundle = std::fs::read(path).map_err(|error| unusable(&error))?;
    let certificates = Certificate::from_pem_bundle(&bundle).map_err(|error| unusable(&error))?;
    Ok(certificates.into_iter().fold(options, ClientOptions::with_root_certificate))
}

fn retries(settings: &BucketSettings) -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig {
            init_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(1),
            base: 2.0,
        },
        max_retries: settings.retries as usize,
        retry_timeout: settings.retry,
    }
}

fn variable(environment: Environment<'_>, name: &str) -> Option<String> {
    environment(name).filter(|value| !value.is_empty())
}

/// The value of a variable, or the contents of the file that the variable with the suffix `_FILE` names. An empty file
/// counts as not set.
fn secret(environment: Environment<'_>, name: &str) -> Result<Option<String>, BlobError> {
    let file = format!("{name}_FILE");
    let read = |path: String| match std::fs::read_to_string(&path) {
        Ok(text) => Ok(text.trim().to_owned()),
        Err(error) => Err(BlobError::Address(format!("{file}: {path}: {error}"))),
    };
    let contents = variable(environment, &file).map(read).transpose()?.filter(|text| !text.is_empty());
    match (variable(environment, name), contents) {
        (Some(_), Some(_)) => Err(BlobError::Address(format!("both {name} and {file} are set"))),
        (value, contents) => Ok(value.or(contents)),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn parse(url: &str, variables: &[(&str, &str)]) -> Result<Address, BlobError> {
        let find =
            |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        Address::parse(url, &BucketSettings::default(), &find)
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
    fn the_client_gets_the_variables_that_are_not_empty() {
        let built = builder(&|name| match name {
            "AWS_SECRET_ACCESS_KEY" | "AWS_ACCESS_KEY_ID" => None,
            "AWS_REGION" => Some(String::new()),
            name if name.ends_with("_FILE") || name == "AWS_CA_BUNDLE" => {
                (name != "AWS_CA_BUNDLE" && !name.contains("ACCESS_KEY")).then(|| format!("value of {name}"))
            }
            name => Some(format!("value of {name}")),
        })
        .unwrap();
        let regions = [AmazonS3ConfigKey::Region, AmazonS3ConfigKey::DefaultRegion];
        for (name, key) in VARIABLES.into_iter().filter(|(_, key)| !regions.contains(key)) {
            assert_eq!(built.get_config_value(&key), Some(format!("value of {name}")));
        }
        assert_eq!(built.get_config_value(&regions[0]).unwrap(), "value of AWS_DEFAULT_REGION");
        let region = |name: &str| name.ends_with("REGION").then(|| name.to_owned());
        let built = builder(&region).unwrap();
        assert_eq!(
            built.get_config_value(&regions[0]).unwrap(),
            "AWS_REGION",
            "it takes precedence over the default"
        );
    }

    #[test]
    fn the_client_gets_the_encryption_settings_that_are_not_empty() {
        let read = |settings: &BucketSettings| {
            let built = encrypted(AmazonS3Builder::new(), settings).unwrap();
            [ENCRYPTION, KMS_KEY].map(|name| built.get_config_value(&name.parse().unwrap()))
        };
        let settings = BucketSettings { encryption: "aws:kms".into(), ..BucketSettings::default() };
        assert_eq!(read(&settings), [Some("aws:kms".into()), None]);
        let settings = BucketSettings { kms_key: "key".into(), ..settings };
        assert_eq!(read(&settings), [Some("aws:kms".into()), Some("key".into())]);
        assert_eq!(read(&BucketSettings::default()), [None, None]);
    }

    #[test]
    fn a_secret_can_be_in_a_file() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        std::io::Write::write_all(&mut file, b"secret\n").unwrap();
        let path = file.path().to_str().unwrap();
        let find = |name: &str| (name == "AWS_SECRET_ACCESS_KEY_FILE").then(|| path.to_owned());
        assert_eq!(secret(&find, "AWS_SECRET_ACCESS_KEY").unwrap().unwrap(), "secret");

        let both =
            |name: &str| Some(if name.ends_with("_FILE") { path.to_owned() } else { "other".to_owned() });
        assert!(secret(&both, "AWS_SECRET_ACCESS_KEY").is_err());
        std::fs::write(path, "\n").unwrap();
        assert_eq!(secret(&find, "AWS_SECRET_ACCESS_KEY").unwrap(), None);
        assert_eq!(secret(&both, "AWS_SECRET_ACCESS_KEY").unwrap().unwrap(), "other");
    }

    #[test]
    fn invalid_addresses_and_incomplete_credentials_are_rejected() {
        let half = [("AWS_ACCESS_KEY_ID", "id")];
        let twice = [("AWS_ACCESS_KEY_ID", "id"), ("AWS_ACCESS_KEY_ID_FILE", "/id")];
        let nowhere = [("AWS_ACCESS_KEY_ID_FILE", "/no/such/file")];
        let identity = [("AWS_WEB_IDENTITY_TOKEN_FILE", "/token")];
        let container = [("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1/")];
        let authorities = [("AWS_CA_BUNDLE", "/no/such/file")];
        for (url, variables) in [
            ("", &[][..]),
            ("/var/lib", &[]),
            ("file://host/path", &[]),
            ("s3:///prefix", &[]),
            ("ftp://host/path", &[]),
            ("s3://bucket", &half),
            ("s3://bucket", &twice),
            ("s3://bucket", &nowhere),
            ("s3://bucket", &identity),
            ("s3://bucket", &container),
            ("s3://bucket", &authorities),
        ] {
            let error = parse(url, variables).err().unwrap_or_else(|| panic!("{url} {variables:?}"));
            assert!(matches!(error, BlobError::Address(_)), "{url} {variables:?}");
        }
    }
}
