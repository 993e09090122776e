//! The settings files that people begin with: the service accepts them as they are, and each key in them changes
//! something and says why.

use std::process::Command;

use huemill::settings::DEFAULTS;

use crate::source;

/// The file for a public service, and the one that the package installs.
const FILES: [&str; 2] = ["config/production.toml", "packaging/debian/huemill.toml"];

fn keys(text: &str) -> Vec<(String, toml::Value)> {
    let sections: toml::Table = text.parse().unwrap();
    let of_section = |(section, keys): (String, toml::Value)| -> Vec<_> {
        let keys = keys.as_table().unwrap().clone().into_iter();
        keys.map(|(key, value)| (format!("{section}.{key}"), value)).collect()
    };
    sections.into_iter().flat_map(of_section).collect()
}

#[test]
fn check_accepts_the_files_and_has_nothing_to_add() {
    for file in FILES {
        let output = Command::new(env!("CARGO_BIN_EXE_huemill"))
            .env_clear()
            .arg("check")
            .arg("--config")
            .arg(source::file(file))
            .output()
            .unwrap();
        assert!(output.status.success(), "{file}: {}", String::from_utf8_lossy(&output.stderr));
        let settings = String::from_utf8(output.stdout).unwrap();
        assert!(settings.contains("dir = \"/var/lib/huemill\""), "{file}: {settings}");
        // The file for a public service leaves open nothing that the service would point out.
        if file == FILES[0] {
            assert!(output.stderr.is_empty(), "{file}: {}", String::from_utf8_lossy(&output.stderr));
        }
    }
}

#[test]
fn every_key_differs_from_the_default_and_has_a_comment() {
    let defaults = keys(DEFAULTS);
    for file in FILES {
        let text = std::fs::read_to_string(source::file(file)).unwrap();
        let own = keys(&text);
        assert!(!own.is_empty(), "{file} has no keys");
        for (key, value) in own {
            let default = defaults.iter().find(|(name, _)| *name == key);
            let (_, default) = default.unwrap_or_else(|| panic!("{file}: there is no setting {key}"));
            assert_ne!(&value, default, "{file}: {key} is the default");
        }
        let lines: Vec<_> = text.lines().collect();
        for pair in lines.windows(2).filter(|pair| pair[1].contains(" = ") && !pair[1].starts_with('#')) {
            assert!(pair[0].starts_with('#'), "{file}: no comment above {}", pair[1]);
        }
    }
}
