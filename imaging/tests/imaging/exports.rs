//! Tests exported palettes: what each format looks like, and that programs of other makers read from it what was written.

use std::path::{Path, PathBuf};
use std::process::Command;

use huemill_imaging::swatch::describe_all;
use huemill_imaging::{Export, Roles, Scheme, SchemeColors, Swatch};
use serde_json::{Value, json};

use crate::servers::{Tool, require};

/// Colours of one look among them, so that names are shared, and shades that were added.
fn palette() -> Vec<Swatch> {
    let mut palette = describe_all(&[
        ([208, 212, 214], 0.5, false),
        ([120, 140, 150], 0.25, false),
        ([52, 60, 66], 0.1875, false),
        ([255, 0, 0], 0.05, false),
        ([0, 204, 204], 0.0115, false),
        ([150, 100, 200], 0.001, false),
        ([0, 0, 0], 0.0, true),
        ([255, 255, 255], 0.0, true),
    ]);
    palette[4].name = "robin's egg blue";
    palette[5].name = palette[4].name;
    palette
}

fn text(export: Export) -> String {
    String::from_utf8(export.write(&palette())).unwrap()
}

#[test]
fn css() {
    insta::assert_snapshot!(text(Export::Css));
}

#[test]
fn scss() {
    insta::assert_snapshot!(text(Export::Scss));
}

#[test]
fn json() {
    insta::assert_snapshot!(text(Export::Json));
}

#[test]
fn tokens() {
    insta::assert_snapshot!(text(Export::Tokens));
}

#[test]
fn tailwind() {
    insta::assert_snapshot!(text(Export::Tailwind));
}

#[test]
fn gpl() {
    insta::assert_snapshot!(text(Export::Gpl));
}

#[test]
fn svg() {
    insta::assert_snapshot!(text(Export::Svg));
}

#[test]
fn ase() {
    let bytes = Export::Ase.write(&palette());
    let line = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ");
    insta::assert_snapshot!(bytes.chunks(16).map(line).collect::<Vec<_>>().join("\n"));
}

#[test]
fn a_format_is_found_by_its_extension() {
    for export in Export::ALL {
        assert_eq!(export.extension().parse(), Ok(export));
        assert!(export.media_type().contains('/'));
    }
    for wrong in ["", "CSS", ".css", "palette.css", "tokens", "json "] {
        assert!(wrong.parse::<Export>().is_err(), "{wrong}");
    }
}

#[test]
fn palettes_without_colours_and_with_odd_names_can_be_written() {
    let mut odd = palette();
    odd[0].name = "</title><script>}\n{\"\\";
    odd[1].name = "";
    for palette in [vec![], odd] {
        for export in Export::ALL {
            let bytes = export.write(&palette);
            assert!(!bytes.is_empty());
            if export != Export::Ase {
                let text = String::from_utf8(bytes).unwrap();
                assert!(!text.contains("<script") || export != Export::Svg, "{text}");
                assert!(!text.contains("NaN"), "{text}");
            }
        }
        for export in [Export::Json, Export::Tokens] {
            serde_json::from_slice::<Value>(&export.write(&palette)).unwrap();
        }
    }
}

#[test]
fn a_role_of_the_scheme_never_takes_the_place_of_a_colour() {
    // A property that is declared twice would have the later value.
    for export in [Export::Css, Export::Tailwind] {
        let text = text(export);
        let light = text.split("@media").next().unwrap();
        let names: Vec<_> =
            light.lines().filter_map(|line| line.trim().split_once(": ")).map(|(name, _)| name).collect();
        let own: std::collections::BTreeSet<_> = names.iter().collect();
        assert_eq!(own.len(), names.len(), "{names:?}");
    }
}

/// Identifiers and colours: names with hyphens. Of two colours with one name, the later one has a number.
fn colors() -> Vec<(String, String)> {
    let palette = palette();
    let id = |swatch: &Swatch| swatch.name.replace(' ', "-").replace('\'', "");
    let mut colors: Vec<_> = palette.iter().map(|swatch| (id(swatch), swatch.hex())).collect();
    colors[5].0 += "-2";
    colors
}

fn theme(theme: &SchemeColors) -> Vec<(String, String)> {
    let hex = |[r, g, b]: [u8; 3]| format!("#{r:02x}{g:02x}{b:02x}");
    theme.by_name().into_iter().map(|(name, rgb)| (name.replace('_', "-"), hex(rgb))).collect()
}

fn scheme() -> Scheme {
    Scheme::of(&palette(), &Roles::of(&palette()))
}

/// Roles with the identifiers of their colours.
fn roles() -> Vec<(&'static str, String)> {
    let ids = colors();
    let id = |swatch: &Swatch| ids.iter().find(|(_, hex)| *hex == swatch.hex()).unwrap().0.clone();
    let roles = Roles::of(&palette());
    roles.by_name().into_iter().filter_map(|(role, swatch)| Some((role, id(swatch?)))).collect()
}

/// An object whose keys have a prefix.
fn prefixed(prefix: &str, members: &[(String, String)]) -> serde_json::Map<String, Value> {
    members.iter().map(|(name, value)| (format!("{prefix}{name}"), json!(value))).collect()
}

/// Writes the palette in all formats to a folder.
fn export_to(folder: &Path) {
    std::fs::create_dir_all(folder).unwrap();
    for export in Export::ALL {
        std::fs::write(folder.join(format!("palette.{}", export.extension())), export.write(&palette()))
            .unwrap();
    }
    // Sass refuses to choose between palette.scss and palette.css in one folder.
    let sass = folder.join("sass");
    std::fs::create_dir_all(&sass).unwrap();
    std::fs::rename(folder.join("palette.scss"), sass.join("palette.scss")).unwrap();
}

/// What a program that reads the folder prints.
fn read(program: &Path, arguments: &[&str], folder: &Path, name: &str) -> Value {
    let folder = {
        let own = folder.join(name);
        export_to(&own);
        own
    };
    let output = Command::new(program)
        .args(arguments)
        .arg(&folder)
        .args(colors().iter().map(|(id, _)| id))
        .args(["scheme-primary", "scheme-on-primary"])
        .current_dir(Tool::PaletteReaders.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn scratch() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("palettes-{}", std::process::id()))
}

/// The properties that hold for every reader of the CSS.
fn css_properties() -> Value {
    let mut properties = prefixed("--color-", &colors());
    properties.extend(
        roles().into_iter().map(|(role, id)| (format!("--role-{role}"), json!(format!("var(--color-{id})")))),
    );
    properties.extend(prefixed("--scheme-", &theme(&scheme().light)));
    Value::Object(properties)
}

#[test]
fn libraries_of_python_read_what_was_written() {
    require!(PaletteReaders);
    let folder = scratch();
    let found = read(&Tool::PaletteReaders.path().join("python/bin/python"), &["read.py"], &folder, "python");
    let dark = Value::Object(prefixed("--scheme-", &theme(&scheme().dark)));
    assert_eq!(found["css"], json!({ "light": css_properties(), "dark": dark }));
    let palette = palette();
    let named: Vec<_> =
        palette.iter().map(|swatch| json!([swatch.name, swatch.rgb.map(f64::from)])).collect();
    assert_eq!(found["ase"], json!({ "title": "Huemill", "colors": named }));
    assert_eq!(found["gpl"], json!(palette.iter().map(|swatch| swatch.rgb).collect::<Vec<_>>()));
    let strip = found["svg"].as_array().unwrap();
    assert_eq!(strip.len(), 6, "shades have no part");
    let mut end = 0.0;
    for (part, swatch) in strip.iter().zip(&palette) {
        let (x, width) = (part[1].as_f64().unwrap(), part[2].as_f64().unwrap());
        assert!((x - end).abs() < 1e-9 && (width - swatch.share * 1000.0).abs() < 1e-3, "{part}");
        assert_eq!(part[0], swatch.hex());
        assert!(part[3].as_str().unwrap().starts_with(swatch.name), "{part}");
        end = x + width;
    }
    assert!((end - 1000.0).abs() < 1e-9, "{end}");
    std::fs::remove_dir_all(folder.join("python")).unwrap();
}

#[test]
fn libraries_of_javascript_read_what_was_written() {
    require!(PaletteReaders);
    let folder = scratch();
    let found = read(Path::new("node"), &["read.mjs"], &folder, "javascript");
    let scheme = scheme();
    assert_eq!(found["css"][":root"], css_properties());
    assert_eq!(
        found["css"]["@media (prefers-color-scheme: dark) :root"],
        Value::Object(prefixed("--scheme-", &theme(&scheme.dark)))
    );
    let pairs = |members: &[(String, String)]| json!(members.iter().map(|(a, b)| [a, b]).collect::<Vec<_>>());
    let ids = colors();
    let hex = |id: &str| ids.iter().find(|(other, _)| other == id).unwrap().1.clone();
    let roles: Vec<_> = roles().into_iter().map(|(role, id)| (role.to_owned(), hex(&id))).collect();
    assert_eq!(found["scss"]["palette"], pairs(&ids));
    assert_eq!(found["scss"]["roles"], pairs(&roles));
    assert_eq!(found["scss"]["scheme-light"], pairs(&theme(&scheme.light)));
    assert_eq!(found["scss"]["scheme-dark"], pairs(&theme(&scheme.dark)));
    let mut tokens = prefixed("--color-", &ids);
    tokens.extend(prefixed("--role-", &roles));
    tokens.extend(prefixed("--scheme-light-", &theme(&scheme.light)));
    tokens.extend(prefixed("--scheme-dark-", &theme(&scheme.dark)));
    assert_eq!(found["tokens"], Value::Object(tokens));
    let tailwind = &found["tailwind"];
    for (id, color) in &ids {
        assert_eq!(tailwind[format!(".bg-{id}")]["background-color"], json!(format!("var(--color-{id})")));
        assert_eq!(tailwind[":root, :host"][format!("--color-{id}")], json!(color));
    }
    assert_eq!(tailwind[".bg-scheme-on-primary"]["background-color"], "var(--scheme-on-primary)");
    std::fs::remove_dir_all(folder.join("javascript")).unwrap();
}
