//! Where answers go: standard output, or a file that is written whole or not at all.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use anstream::{AutoStream, ColorChoice};
use tempfile::Builder;

use super::Trouble;
use crate::{analysis::Error, report::page::Style};

/// What is written to.
pub(super) type To<'w> = dyn Write + Send + 'w;

/// Octets that are gathered before they are written; what is longer, as attempts that stand together are, goes past it.
const GATHERED: usize = 16 << 10;

/// Writes to standard output.
pub(super) fn print<T, E: Into<Error>>(write: impl FnOnce(&mut To<'_>) -> Result<T, E>) -> Result<T, Trouble> {
    let mut stdout = BufWriter::with_capacity(GATHERED, Patient::new(io::stdout()));
    let written = write(&mut stdout).map_err(|error| trouble(error.into()))?;
    stdout.flush().map_err(|error| trouble(error.into()))?;
    Ok(written)
}

/// What the user is told of an error.
fn trouble(error: Error) -> Trouble {
    Trouble(error.to_string())
}

/// A writer whose reader may have seen enough and left (`| head`), which is no trouble.
struct Patient<W> {
    to: W,
    left: bool,
}

impl<W> Patient<W> {
    fn new(to: W) -> Self {
        Patient { to, left: false }
    }

    /// Does `what`, unless there is nobody to do it for.
    fn unless_left<T>(&mut self, otherwise: T, what: impl FnOnce(&mut W) -> io::Result<T>) -> io::Result<T> {
        if self.left {
            return Ok(otherwise);
        }
        match what(&mut self.to) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.left = true;
                Ok(otherwise)
            }
            done => done,
        }
    }
}

impl<W: Write> Write for Patient<W> {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.unless_left(octets.len(), |to| to.write(octets))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.unless_left((), Write::flush)
    }
}

/// How standard output wants its lines: coloured if it is a terminal and `NO_COLOR` does not forbid it.
pub(super) fn style() -> Style {
    let colour = AutoStream::choice(&io::stdout()) != ColorChoice::Never;
    let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    Style {
        colour,
        width: columns.unwrap_or(Style::default().width),
    }
}

/// A file to be written.
#[derive(Debug)]
pub(super) struct Target {
    path: PathBuf,
}

impl Target {
    /// The file at `path`, unless it is one of `inputs` or can plainly not be written.
    pub(super) fn new(path: &Path, inputs: &[PathBuf]) -> Result<Self, Trouble> {
        // Through a symbolic link the file that it names is written, and the link stays.
        let target = Target {
            path: fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()),
        };
        target.spare(inputs)?;
        if target.path.is_dir() {
            return Err(Trouble(format!("{} is a folder", path.display())));
        }
        if !target.folder().is_dir() {
            return Err(Trouble(format!("{}: no such folder", target.folder().display())));
        }
        Ok(target)
    }

    /// Refuses to be one of `inputs`.
    pub(super) fn spare<P: AsRef<Path>>(&self, inputs: impl IntoIterator<Item = P>) -> Result<(), Trouble> {
        let same = |input: &Path| fs::canonicalize(input).is_ok_and(|input| input == self.path);
        match inputs.into_iter().any(|input| same(input.as_ref())) {
            true => Err(Trouble(format!(
                "{} is an input: it is not overwritten",
                self.path.display()
            ))),
            false => Ok(()),
        }
    }

    /// Writes the file, whole or not at all: beside it first, then in its place, once `write` has succeeded.
    pub(super) fn write<T, E: Into<Error>>(
        &self,
        write: impl FnOnce(&mut To<'_>) -> Result<T, E>,
    ) -> Result<T, Trouble> {
        let told = |error: io::Error| Trouble(format!("cannot write {}: {error}", self.path.display()));
        let trouble = |error: Error| match error {
            Error::Output(error) => told(error),
            error => trouble(error),
        };
        // A device or a pipe cannot be replaced, only written to.
        if fs::metadata(&self.path).is_ok_and(|it| !it.is_file()) {
            let file = File::options().write(true).open(&self.path).map_err(told)?;
            return fill(file, write).map_err(trouble);
        }
        let file = builder().tempfile_in(self.folder()).map_err(told)?;
        let written = fill(file.as_file(), write).map_err(trouble)?;
        file.persist(&self.path).map_err(|error| told(error.error))?;
        Ok(written)
    }

    fn folder(&self) -> &Path {
        match self.path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        }
    }
}

/// Temporary files are for their owner alone by default; a report has the permissions of any new file.
#[cfg(unix)]
fn builder() -> Builder<'static, 'static> {
    use std::os::unix::fs::PermissionsExt;
    let mut builder = Builder::new();
    builder
        .prefix(".upgradescope-")
        .permissions(fs::Permissions::from_mode(0o666));
    builder
}

#[cfg(not(unix))]
fn builder() -> Builder<'static, 'static> {
    let mut builder = Builder::new();
    builder.prefix(".upgradescope-");
    builder
}

fn fill<T, E: Into<Error>>(
    file: impl Write + Send,
    write: impl FnOnce(&mut To<'_>) -> Result<T, E>,
) -> Result<T, Error> {
    let mut file = BufWriter::with_capacity(GATHERED, file);
    let written = write(&mut file).map_err(Into::into)?;
    file.flush()?;
    Ok(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_written_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report");
        fs::write(&path, "before").unwrap();
        let target = Target::new(&path, &[]).unwrap();
        let failed: Result<(), Trouble> = target.write(|to| {
            to.write_all(b"half")?;
            Err(io::Error::other("full"))
        });
        assert!(failed.unwrap_err().0.ends_with("report: full"));
        assert_eq!(fs::read_to_string(&path).unwrap(), "before");
        target.write(|to| to.write_all(b"after")).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "after");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn an_input_is_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let input = folder.path().join("a.pcap");
        fs::write(&input, "octets").unwrap();
        let roundabout = folder.path().join(".").join("a.pcap");
        assert!(
            Target::new(&roundabout, std::slice::from_ref(&input))
                .unwrap_err()
                .0
                .contains("is an input")
        );
        assert!(Target::new(&folder.path().join("b"), &[input]).is_ok());
    }

    #[test]
    fn a_place_that_cannot_be_written_is_told_before_the_work() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Target::new(folder.path(), &[]).unwrap_err().0.ends_with("is a folder"));
        assert!(
            Target::new(&folder.path().join("no/report"), &[])
                .unwrap_err()
                .0
                .ends_with("no such folder")
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        fs::write(&file, "before").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        Target::new(&link, &[])
            .unwrap()
            .write(|to| to.write_all(b"after"))
            .unwrap();
        assert!(link.is_symlink());
        assert_eq!(fs::read_to_string(&file).unwrap(), "after");
    }

    #[cfg(unix)]
    #[test]
    fn a_device_is_written_to_and_not_replaced() {
        use std::os::unix::fs::FileTypeExt;
        Target::new(Path::new("/dev/null"), &[])
            .unwrap()
            .write(|to| to.write_all(b"x"))
            .unwrap();
        assert!(fs::metadata("/dev/null").unwrap().file_type().is_char_device());
    }
}
