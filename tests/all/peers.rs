//! Captures that other projects collected, odd and broken ones among them: each comes to a report or to an error.
//!
//! They are not ours to hand on. Where they are absent these tests tell so and pass.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    abreast::abreast,
    hostile::trouble,
    program::{tell, top},
};

/// Where the captures are if they are there.
const COLLECTIONS: [&str; 2] = ["../shared/corpus/public", "../shared/corpus/broken"];

#[test]
fn captures_of_others_are_survived() {
    for collection in COLLECTIONS {
        let folder = top().join(collection);
        if !folder.is_dir() {
            tell(&format!("skipped: {collection} is not here"));
            continue;
        }
        let captures = files(&folder);
        let troubles: Vec<String> = abreast(&captures, |path| {
            trouble(path).map(|it| format!("{}: {it}", path.display()))
        })
        .into_iter()
        .flatten()
        .collect();
        assert!(captures.len() > 40, "{collection} holds {} files only", captures.len());
        assert!(
            troubles.is_empty(),
            "{} troubles:\n{}",
            troubles.len(),
            troubles.join("\n")
        );
    }
}

/// Every file in the folder and its folders, but for notes.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut entries: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            files.extend(self::files(&path));
        } else if !["json", "tsv", "log", "md"]
            .iter()
            .any(|end| path.extension().is_some_and(|it| it == *end))
        {
            files.push(path);
        }
    }
    files
}
