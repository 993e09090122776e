//! The files of `web/`, which are in the binary. A test holds the list to the folder.

/// The page at `/`.
pub(super) const PAGE: &str = include_str!("../../../web/index.html");

/// The page at `/docs`.
pub(super) const DOCS: &str = include_str!("../../../web/docs.html");

/// Defines [`ALL`].
macro_rules! files {
    ($($name:literal)+) => {
        /// Modules, styles and texts, by the path below `web/`.
        pub(super) const ALL: &[(&str, &[u8])] =
            &[$(($name, include_bytes!(concat!("../../../web/", $name)))),+];
    };
}

files! {
    "app.js"
    "batches/addresses.js"
    "batches/badge.js"
    "batches/batches.js"
    "batches/chosen.js"
    "batches/draft.js"
    "batches/drop.js"
    "batches/exports.js"
    "batches/form.js"
    "batches/history.js"
    "batches/job.js"
    "batches/list.js"
    "batches/options.js"
    "batches/palette.js"
    "batches/parts.js"
    "batches/preview.js"
    "batches/random.js"
    "batches/results.js"
    "batches/selection.js"
    "batches/sending.js"
    "batches/tile.js"
    "batches/types.js"
    "batches/upload.js"
    "batches/uploadbar.js"
    "batches/viewer.js"
    "batches/watch.js"
    "batches/zip.js"
    "docs/docs.js"
    "docs/operation.js"
    "docs/prose.js"
    "docs/resolve.js"
    "docs/schema.js"
    "docs/types.js"
    "icon.svg"
    "lib/announce.js"
    "lib/api.js"
    "lib/badge.js"
    "lib/confirm.js"
    "lib/copy.js"
    "lib/dom.js"
    "lib/drops.js"
    "lib/exports.js"
    "lib/filetypes.js"
    "lib/folder.js"
    "lib/handover.js"
    "lib/icon.js"
    "lib/key.js"
    "lib/names.js"
    "lib/problem.js"
    "lib/quote.js"
    "lib/session.js"
    "lib/shell.js"
    "lib/stylesheet.js"
    "lib/swatches.js"
    "lib/texts.js"
    "lib/theme.js"
    "operations/attempt.js"
    "operations/budgets.js"
    "operations/charts.js"
    "operations/checks.js"
    "operations/figures.js"
    "operations/filter.js"
    "operations/findings.js"
    "operations/gate.js"
    "operations/job_details.js"
    "operations/jobs.js"
    "operations/key_form.js"
    "operations/key_secret.js"
    "operations/keys.js"
    "operations/list.js"
    "operations/metrics.js"
    "operations/monitor.js"
    "operations/numbers.js"
    "operations/objectives.js"
    "operations/operations.js"
    "operations/overview.js"
    "operations/pieces.js"
    "operations/processes.js"
    "operations/queue.js"
    "operations/readings.js"
    "operations/times.js"
    "operations/types.js"
    "operations/verdict.js"
    "operations/webhooks.js"
    "studio/answers.js"
    "studio/card.js"
    "studio/cards.js"
    "studio/choice.js"
    "studio/color.js"
    "studio/commands.js"
    "studio/copied.js"
    "studio/curl.js"
    "studio/drop.js"
    "studio/exports.js"
    "studio/focus.js"
    "studio/intake.js"
    "studio/line.js"
    "studio/options.js"
    "studio/overlay.js"
    "studio/palette.js"
    "studio/queue.js"
    "studio/recents.js"
    "studio/requests.js"
    "studio/results.js"
    "studio/scheme.js"
    "studio/settings.js"
    "studio/stage.js"
    "studio/studio.js"
    "studio/swatches.js"
    "studio/types.js"
    "style/base.css"
    "style/batches.css"
    "style/controls.css"
    "style/docs.css"
    "style/operations.css"
    "style/shell.css"
    "style/studio.css"
    "texts/de.json"
    "texts/en.json"
    "texts/it.json"
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// The files below a folder, by their path from `web/`.
    fn files_below(folder: &Path, root: &Path, into: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                files_below(&path, root, into);
            } else {
                into.push(path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/"));
            }
        }
    }

    #[test]
    fn every_file_of_the_page_is_in_the_binary() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("web");
        let mut found = Vec::new();
        files_below(&root, &root, &mut found);
        // Pages, and what only checkers read.
        let others = ["index.html", "docs.html", "jsconfig.json", "api.d.ts"];
        found.retain(|name| !others.contains(&name.as_str()));
        found.sort();
        let listed: Vec<&str> = ALL.iter().map(|(name, _)| *name).collect();
        assert_eq!(listed, found, "list the files of web/ in src/http/page/files.rs, sorted");
    }
}
