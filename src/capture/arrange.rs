//! Arranges what the user named into captures, each of them to be read as one.

use std::{
    collections::HashSet,
    fs::{self, DirEntry},
    path::{Path, PathBuf},
};

use super::{Error, Limits, Reader, Reason, Source, rotation};

/// Captures that are read as one: a single file, or a rotated set in the order of its packets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// Its files; at least one.
    pub files: Vec<Source>,
}

/// What the user named, arranged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arrangement {
    /// The captures, in the order in which their first files were named, or stand in a folder by name.
    pub chains: Vec<Chain>,
    /// What stands in a folder and is no capture, and why.
    pub left_out: Vec<(PathBuf, String)>,
}

/// Arranges files, folders and `-` for standard input.
///
/// A folder stands for the captures in it and in its folders, without hidden ones. What is named twice is read once. A file
/// that is named must be a capture; in a folder it may be something else.
pub fn arrange(named: &[PathBuf]) -> Result<Arrangement, Error> {
    let mut found = Found::default();
    for path in named {
        found.add_named(path)?;
    }
    Ok(Arrangement {
        chains: rotation::chains(found.candidates),
        left_out: found.left_out,
    })
}

/// A capture that may be a part of a rotated set.
pub(super) struct Candidate {
    pub(super) source: Source,
    /// Whether it can be opened more than once: it is no pipe.
    pub(super) reopens: bool,
}

#[derive(Default)]
struct Found {
    candidates: Vec<Candidate>,
    seen: HashSet<PathBuf>,
    left_out: Vec<(PathBuf, String)>,
}

impl Found {
    fn add_named(&mut self, path: &Path) -> Result<(), Error> {
        if path.as_os_str() == "-" {
            self.add(path, Source::StandardInput, false);
            return Ok(());
        }
        let metadata = fs::metadata(path).map_err(|error| Error::at(path, error))?;
        let source = Source::Path(path.to_path_buf());
        if metadata.is_dir() {
            let any = self.add_folder(path)?;
            return if any {
                Ok(())
            } else {
                Err(Error::new(&source, Reason::NoCaptures))
            };
        }
        if metadata.is_file() {
            probe(&source)?;
        }
        self.add(path, source, metadata.is_file());
        Ok(())
    }

    /// Whether there is any capture in the folder.
    fn add_folder(&mut self, folder: &Path) -> Result<bool, Error> {
        let entries = fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<DirEntry>, _>>);
        let mut entries = entries.map_err(|error| Error::at(folder, error))?;
        entries.sort_by_key(DirEntry::file_name);
        entries.retain(|entry| !entry.file_name().as_encoded_bytes().starts_with(b"."));
        let mut any = false;
        for entry in entries {
            match self.add_entry(&entry) {
                Ok(found) => any |= found,
                Err(error) => self.left_out.push((entry.path(), error.reason.to_string())),
            }
        }
        Ok(any)
    }

    fn add_entry(&mut self, entry: &DirEntry) -> Result<bool, Error> {
        let path = entry.path();
        let metadata = fs::metadata(&path).map_err(|error| Error::at(&path, error))?;
        // A link to a folder could lead back to where we are.
        if metadata.is_dir() && !path.is_symlink() {
            return self.add_folder(&path);
        }
        let source = Source::Path(path.clone());
        if !metadata.is_file() {
            return Err(Error::new(&source, Reason::NotAFile));
        }
        probe(&source)?;
        self.add(&path, source, true);
        Ok(true)
    }

    fn add(&mut self, path: &Path, source: Source, reopens: bool) {
        let place = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
        if self.seen.insert(place) {
            self.candidates.push(Candidate { source, reopens });
        }
    }
}

/// Whether that is a capture.
fn probe(source: &Source) -> Result<(), Error> {
    Reader::open(source, 0, Limits::default()).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::{
        order::ByteOrder,
        sample::{MICROSECONDS, PcapFile},
    };

    /// A folder with files; a name that ends with `/` is a folder.
    fn folder(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            let capture = PcapFile::new(ByteOrder::Little, MICROSECONDS, 0, 1).octets;
            let octets = if name.ends_with("txt") {
                b"no capture".to_vec()
            } else {
                capture
            };
            fs::write(path, octets).unwrap();
        }
        folder
    }

    /// The files of the chains, by their names in `folder`.
    fn names(folder: &Path, arrangement: &Arrangement) -> Vec<Vec<String>> {
        let name = |source: &Source| match source {
            Source::Path(path) => path.strip_prefix(folder).unwrap().display().to_string(),
            Source::StandardInput => "-".to_string(),
        };
        arrangement
            .chains
            .iter()
            .map(|chain| chain.files.iter().map(name).collect())
            .collect()
    }

    #[test]
    fn a_folder_stands_for_its_captures_by_name() {
        let folder = folder(&[
            "b.pcap",
            "a.pcap",
            "c/x.pcap",
            "c/notes.txt",
            ".hidden.pcap",
            "c/.git/x.pcap",
            "d.pcap",
        ]);
        let arrangement = arrange(&[folder.path().to_path_buf()]).unwrap();
        assert_eq!(
            names(folder.path(), &arrangement),
            [["a.pcap"], ["b.pcap"], ["c/x.pcap"], ["d.pcap"]]
        );
        let [(path, reason)] = arrangement.left_out.as_slice() else {
            panic!("{:?}", arrangement.left_out)
        };
        assert!(path.ends_with("c/notes.txt") && reason.starts_with("it is neither a pcap nor a pcapng capture"));
    }

    #[test]
    fn what_is_named_twice_is_read_once_and_in_the_order_of_naming() {
        let folder = folder(&["a.pcap", "b.pcap"]);
        let (a, b) = (folder.path().join("a.pcap"), folder.path().join("b.pcap"));
        let again = folder
            .path()
            .join("../")
            .join(folder.path().file_name().unwrap())
            .join("b.pcap");
        let named = [b, "-".into(), a, again, folder.path().to_path_buf(), "-".into()];
        assert_eq!(
            names(folder.path(), &arrange(&named).unwrap()),
            [["b.pcap"], ["-"], ["a.pcap"]]
        );
    }

    #[test]
    fn what_is_named_must_be_there_and_a_capture() {
        let folder = folder(&["notes.txt", "empty/notes.txt", "a.pcap"]);
        let sentence = |name: &str| arrange(&[folder.path().join(name)]).unwrap_err().to_string();
        assert!(sentence("b.pcap").ends_with("b.pcap: there is no such file or folder; check the path"));
        assert!(sentence("notes.txt").contains("notes.txt: it is neither a pcap nor a pcapng capture; "));
        assert!(sentence("empty").ends_with("empty: no file in this folder is a pcap or pcapng capture"));
        assert!(arrange(&[folder.path().join("a.pcap"), folder.path().to_path_buf()]).is_ok());
    }

    #[cfg(unix)]
    #[test]
    fn links_to_files_are_followed_and_links_to_folders_are_not() {
        let folder = folder(&["a.pcap", "sub/b.pcap"]);
        let link = |to: &str, name: &str| std::os::unix::fs::symlink(folder.path().join(to), folder.path().join(name));
        link("", "sub/loop").unwrap();
        link("a.pcap", "sub/same.pcap").unwrap();
        link("nowhere", "sub/broken.pcap").unwrap();
        let arrangement = arrange(&[folder.path().join("sub")]).unwrap();
        assert_eq!(names(folder.path(), &arrangement), [["sub/b.pcap"], ["sub/same.pcap"]]);
        assert_eq!(arrangement.left_out.len(), 2);
    }
}
