//! `huemill man`: prints the manual page of `huemill`, or writes those of all commands into a folder.
//!
//! Options come from the definition of the command line, exit codes from [`exit_codes`], and the rest of the first page
//! is here. A page that cannot be written is an error.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Command};
use clap_mangen::Man;
use clap_mangen::roff::{Inline, Roff, bold, roman};

use super::atomic_file;
use super::exit_codes::{self, ExitCodeRow};
use super::terminal::fail;
use crate::settings::SHORT_NAMES;

/// Environment variables that are no settings.
const ENVIRONMENT: [(&str, &str); 7] = [
    ("HUEMILL_SERVER", "URL of the service that commands use, like --server."),
    ("HUEMILL_API_KEY", "Key that commands send, like --api-key."),
    ("HUEMILL_CACERT", "PEM file of authorities to trust for https, like --cacert."),
    ("NO_COLOR", "If set and not empty, nothing is coloured."),
    (
        "TERM",
        "If it is dumb or not set, nothing is coloured, and progress is shown as lines instead of a bar.",
    ),
    (
        "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT_URL, …",
        "Credentials and place of the bucket in blobs.url, as with the AWS SDKs.",
    ),
    ("OTEL_EXPORTER_OTLP_ENDPOINT, …", "Collector of traces, as the OpenTelemetry specification defines it."),
];

const FILES: [(&str, &str); 3] = [
    (
        "config/default.toml",
        "Every setting with its documentation and default, in the source. It is embedded, so no file is required; \
         --config FILE names one with the keys that differ.",
    ),
    ("./data", "The data directory: the embedded store, blobs and temporary files. DATA_DIR names another."),
    (
        "./huemill-results",
        "Where submit --watch saves results, in a folder for each job. --out names another.",
    ),
];

const EXAMPLES: [(&str, &str); 7] = [
    ("Run the service on all addresses:", "HOST=0.0.0.0 PORT=8080 DATA_DIR=/var/lib/huemill huemill serve"),
    ("Show the palette of a picture and save its card:", "huemill process photo.jpg --out cards"),
    (
        "Send a folder of pictures to a service, wait, and save the results:",
        "huemill submit photos/ --watch --server https://huemill.example --api-key hm_…",
    ),
    (
        "Use a service whose certificate is of a private authority:",
        "HUEMILL_CACERT=ca.pem huemill jobs list --server https://huemill.internal",
    ),
    ("Create a key:", "huemill keys create shop --scopes process,jobs:read,jobs:write"),
    ("Complete commands in bash:", "source <(huemill completions bash)"),
    ("Install the manual pages:", "huemill man --out /usr/local/share/man/man1"),
];

/// The arguments of `huemill man`.
#[derive(Debug, Args)]
pub(super) struct ManArgs {
    /// Folder for the pages of all commands, such as `huemill-submit.1`; without it, the page of huemill is printed
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub(super) fn run(args: &ManArgs, command: Command) -> ExitCode {
    let mut root = command.disable_help_subcommand(true);
    // Gives the commands below their full names.
    root.build();
    let result = match &args.out {
        None => page(&root, "huemill").and_then(|page| print(&page)),
        Some(folder) => write_all(&root, "huemill", folder),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(error),
    }
}

fn print(page: &[u8]) -> io::Result<()> {
    match io::stdout().write_all(page) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// Writes the page of a command and of those below it. `group` is the command below `huemill` that it belongs to.
fn write_all(command: &Command, group: &str, folder: &Path) -> io::Result<()> {
    let with_path = |path: &Path| {
        let path = path.display().to_string();
        move |error: io::Error| io::Error::new(error.kind(), format!("{path}: {error}"))
    };
    fs::create_dir_all(folder).map_err(with_path(folder))?;
    let path = folder.join(Man::new(command.clone()).get_filename());
    atomic_file::write(&path, &page(command, group)?).map_err(with_path(&path))?;
    for below in command.get_subcommands().filter(|below| !below.is_hide_set()) {
        let group = if group == "huemill" { below.get_name() } else { group };
        write_all(below, group, folder)?;
    }
    Ok(())
}

/// The page of a command.
fn page(command: &Command, group: &str) -> io::Result<Vec<u8>> {
    let man = Man::new(command.clone());
    let name = command.get_display_name().unwrap_or_else(|| command.get_name());
    // The library leaves an empty date out, which shifts what follows.
    let title = format!(".TH {name} 1 \"\" \"huemill {}\" \"Huemill Manual\"\n", env!("CARGO_PKG_VERSION"));
    let mut page = title.into_bytes();
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    let is_root = group == "huemill";
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page)?;
    }
    let mut rest = Roff::new();
    exit_status(&mut rest, exit_codes::of(group));
    if is_root {
        environment(&mut rest);
        section(&mut rest, "FILES", FILES.map(|(name, text)| (name.to_owned(), text.to_owned())));
        examples(&mut rest);
    } else {
        rest.control("SH", ["SEE ALSO"]).text([bold("huemill"), roman("(1)")]);
    }
    rest.to_writer(&mut page)?;
    Ok(page)
}

fn exit_status(page: &mut Roff, rows: &[ExitCodeRow]) {
    section(page, "EXIT STATUS", rows.iter().map(|(code, text)| (code.to_string(), format!("{text}."))));
}

fn environment(page: &mut Roff) {
    section(page, "ENVIRONMENT", ENVIRONMENT.map(|(name, text)| (name.to_owned(), text.to_owned())));
    page.control("PP", []);
    page.text([roman(
        "These variables set keys of the settings, and HUEMILL__SECTION__KEY sets any of them:",
    )]);
    entries(
        page,
        SHORT_NAMES.iter().map(|(name, key, is_secret)| {
            let file = if *is_secret { format!("{name}, {name}_FILE") } else { (*name).to_owned() };
            (file, (*key).to_owned())
        }),
    );
}

fn examples(page: &mut Roff) {
    page.control("SH", ["EXAMPLES"]);
    for (text, line) in EXAMPLES {
        page.control("TP", []).text([roman(text)]);
        page.control("nf", []).text([bold(line)]).control("fi", []);
    }
}

fn section(page: &mut Roff, title: &str, rows: impl IntoIterator<Item = (String, String)>) {
    page.control("SH", [title]);
    entries(page, rows);
}

/// A list of terms and what they mean.
fn entries(page: &mut Roff, rows: impl IntoIterator<Item = (String, String)>) {
    for (term, text) in rows {
        let term: Vec<Inline> = vec![bold(term)];
        page.control("TP", []).text(term).text([roman(text)]);
    }
}
