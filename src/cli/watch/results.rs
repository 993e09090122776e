//! The results of a folder's pictures: where they are written, and whether they are up to date.
//!
//! The results of `sub/photo.jpg` are `sub/photo.jpg.json`, `sub/photo.jpg.card.png` and `sub/photo.jpg.palette.css`. The
//! whole name is kept, so that no two pictures share a result, whichever comes first. The JSON is written last. It says
//! from which state of the picture and with which options the results were made; a picture without it is processed
//! again.

use std::borrow::Cow;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use huemill_actors::picture_summary::PictureSummary;
use huemill_imaging::{CardKind, Export, Options};
use serde::{Deserialize, Serialize};

use super::settling::Stamp;
use crate::cli::file_processor::{Outputs, ProcessedFile};
use crate::cli::picture_folder::{is_results_folder, mark_results};
use crate::cli::terminal::printable_json;
use crate::cli::{atomic_file, regular_file};

/// The largest JSON of a picture that is read again. Those that are written are much smaller.
const MAX_RECORD_BYTES: u64 = 64 << 10;

/// Where results are written, and how they are made.
#[derive(Debug)]
pub(super) struct Results {
    /// The folder of the pictures.
    pub(super) root: PathBuf,
    /// The folder of the results.
    pub(super) out: PathBuf,
    pub(super) options: Options,
    pub(super) exports: Vec<Export>,
    /// The options as text.
    pub(super) made_with: String,
}

/// The JSON of a picture: the members of an HTTP response, and what they were made from.
#[derive(Serialize)]
struct Record<'a> {
    success: bool,
    filename: Cow<'a, str>,
    #[serde(flatten)]
    members: PictureSummary,
    social_image: Option<String>,
    made_from: MadeFrom,
}

/// The part of a record that is read again.
#[derive(Deserialize)]
struct KnownRecord {
    made_from: MadeFrom,
}

/// The state of the picture and the options.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct MadeFrom {
    bytes: u64,
    /// Seconds since 1970, with nine decimals.
    modified: String,
    options: String,
}

impl Results {
    /// What is written for a picture of the folder.
    pub(super) fn outputs(&self, picture: &Path) -> Outputs {
        let palette =
            |export: &Export| (*export, self.path(picture, &format!("palette.{}", export.extension())));
        let card = format!("card.{}", self.options.card.extension());
        Outputs {
            root: self.out.clone(),
            card: (self.options.card_kind != CardKind::None).then(|| self.path(picture, &card)),
            palettes: self.exports.iter().map(palette).collect(),
            tile: false,
        }
    }

    /// Whether there are results of this state of the picture with these options.
    pub(super) fn are_up_to_date(&self, picture: &Path, stamp: Stamp) -> bool {
        let Ok(json) = regular_file::read(&self.record_path(picture), MAX_RECORD_BYTES) else { return false };
        let known = serde_json::from_slice::<KnownRecord>(&json);
        let outputs = self.outputs(picture);
        known.is_ok_and(|known| known.made_from == self.made_from(stamp))
            && outputs
                .card
                .iter()
                .chain(outputs.palettes.iter().map(|(_, path)| path))
                .all(|path| path.is_file())
    }

    /// Creates the folder and its mark again if they are gone.
    pub(super) fn restore_folder(&self) -> io::Result<()> {
        if is_results_folder(&self.out) {
            return Ok(());
        }
        // Its parents are created too, but not where a link leads.
        if let Some(parent) = self.out.ancestors().skip(1).find(|folder| folder.exists()) {
            atomic_file::check_folder(parent)?;
        }
        fs::create_dir_all(&self.out)?;
        atomic_file::check_folder(&self.out)?;
        mark_results(&self.out)
    }

    /// Writes the JSON of a picture. Everything else has been written. Returns its path.
    pub(super) fn record(
        &self,
        picture: &Path,
        stamp: Stamp,
        processed: &ProcessedFile,
    ) -> io::Result<PathBuf> {
        let path = self.record_path(picture);
        let card_name = |card: &PathBuf| card.file_name().map(|name| name.to_string_lossy().into_owned());
        let record = Record {
            success: true,
            filename: self.below(picture).to_string_lossy(),
            members: PictureSummary::from(&processed.outcome),
            social_image: processed.card.as_ref().and_then(card_name),
            made_from: self.made_from(stamp),
        };
        let mut json = printable_json(serde_json::to_string_pretty(&record)?);
        json.push('\n');
        atomic_file::write_below(&self.out, &path, json.as_bytes())?;
        Ok(path)
    }

    /// The path of a picture below the folder.
    pub(super) fn below<'a>(&self, picture: &'a Path) -> &'a Path {
        picture.strip_prefix(&self.root).unwrap_or(picture)
    }

    /// Whether the path is the folder of the results or lies in it, although that is in the folder of the pictures.
    pub(super) fn contains(&self, path: &Path) -> bool {
        self.out.starts_with(&self.root) && path.starts_with(&self.out)
    }

    fn record_path(&self, picture: &Path) -> PathBuf {
        self.path(picture, "json")
    }

    fn path(&self, picture: &Path, ending: &str) -> PathBuf {
        let mut path = OsString::from(self.out.join(self.below(picture)));
        path.push(".");
        path.push(ending);
        path.into()
    }

    fn made_from(&self, stamp: Stamp) -> MadeFrom {
        let (seconds, nanoseconds) = (stamp.modified.as_secs(), stamp.modified.subsec_nanos());
        MadeFrom {
            bytes: stamp.bytes,
            modified: format!("{seconds}.{nanoseconds:09}"),
            options: self.made_with.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    impl Results {
        pub(in crate::cli::watch) fn for_tests(root: PathBuf, out: PathBuf) -> Self {
            let (options, exports) = (Options::default(), vec![Export::Tokens]);
            Self { root, out, options, exports, made_with: "colors=5".to_owned() }
        }
    }

    fn results(root: &Path) -> Results {
        Results::for_tests(root.to_owned(), root.join("huemill"))
    }

    #[test]
    fn results_have_the_whole_name_of_their_picture() {
        let results = results(Path::new("/in"));
        let outputs = results.outputs(Path::new("/in/sub/a.b.jpg"));
        assert_eq!(outputs.card, Some("/in/huemill/sub/a.b.jpg.card.png".into()));
        assert_eq!(
            outputs.palettes,
            [(Export::Tokens, PathBuf::from("/in/huemill/sub/a.b.jpg.palette.tokens.json"))]
        );
        assert!(
            results.contains(Path::new("/in/huemill/x.png")) && !results.contains(Path::new("/in/x.png"))
        );
    }

    #[test]
    fn results_are_up_to_date_for_one_state_and_one_set_of_options() {
        let folder = tempfile::tempdir().unwrap();
        let mut results = results(folder.path());
        let picture = folder.path().join("a.png");
        let stamp = Stamp { bytes: 7, modified: Duration::new(1_700_000_000, 5) };
        assert!(!results.are_up_to_date(&picture, stamp));
        let made_from = serde_json::json!({"made_from": results.made_from(stamp)}).to_string();
        atomic_file::write(&results.record_path(&picture), made_from.as_bytes()).unwrap();
        assert!(!results.are_up_to_date(&picture, stamp), "there is no card");
        let outputs = results.outputs(&picture);
        for path in outputs.card.iter().chain(outputs.palettes.iter().map(|(_, path)| path)) {
            fs::write(path, "x").unwrap();
        }
        assert!(results.are_up_to_date(&picture, stamp));
        assert!(!results.are_up_to_date(&picture, Stamp { bytes: 8, ..stamp }));
        results.made_with.clear();
        assert!(!results.are_up_to_date(&picture, stamp));
    }
    #[test]
    fn a_record_that_is_a_pipe_or_endless_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let results = results(folder.path());
        let picture = folder.path().join("a.png");
        let stamp = Stamp { bytes: 7, modified: Duration::new(1_700_000_000, 5) };
        fs::create_dir(&results.out).unwrap();
        crate::cli::regular_file::tests::pipe(&results.record_path(&picture));
        assert!(!results.are_up_to_date(&picture, stamp));
        fs::remove_file(results.record_path(&picture)).unwrap();
        std::os::unix::fs::symlink("/dev/zero", results.record_path(&picture)).unwrap();
        assert!(!results.are_up_to_date(&picture, stamp));
    }

    #[test]
    fn a_missing_folder_is_created_and_marked_again_but_not_where_a_link_leads() {
        let folder = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(folder.path()).unwrap();
        let (results, elsewhere) = (results(&root), root.join("elsewhere"));
        results.restore_folder().unwrap();
        assert!(is_results_folder(&results.out));
        fs::remove_dir_all(&results.out).unwrap();
        fs::create_dir(&elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, &results.out).unwrap();
        assert!(results.restore_folder().is_err());
        assert_eq!(fs::read_dir(elsewhere).unwrap().count(), 0);
    }
}
