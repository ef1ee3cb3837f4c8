//! Why a capture could not be read at all.

use std::{fmt, io, path::PathBuf};

use super::{Compression, Source};

/// Why the captures that the user named could not be read at all; what is merely odd in one is an anomaly.
#[derive(Debug)]
pub struct Error {
    /// What the user named.
    pub source: Source,
    /// What is wrong with it.
    pub reason: Reason,
}

/// What is wrong with a file or a folder.
#[derive(Debug)]
pub enum Reason {
    /// There is nothing of that name.
    NotFound,
    /// It may not be read by who runs the program.
    PermissionDenied,
    /// The system could not read it.
    Unreadable(io::Error),
    /// It stands in a folder and is neither a file nor a folder itself: nobody may write to a pipe, and a link may go round.
    NotAFile,
    /// It holds no octets.
    Empty,
    /// It is compressed, and damaged before the first packet.
    Damaged(Compression, io::Error),
    /// It is neither pcap nor pcapng, outside or inside of the compression; the kind of file that it looks like, if known.
    NotACapture(Option<Compression>, Option<&'static str>),
    /// It is a folder, and no file in it is a capture.
    NoCaptures,
}

impl Error {
    pub(super) fn new(source: &Source, reason: Reason) -> Self {
        Error {
            source: source.clone(),
            reason,
        }
    }

    pub(super) fn at(path: impl Into<PathBuf>, error: io::Error) -> Self {
        Error {
            source: Source::Path(path.into()),
            reason: error.into(),
        }
    }
}

impl From<io::Error> for Reason {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Reason::NotFound,
            io::ErrorKind::PermissionDenied => Reason::PermissionDenied,
            _ => Reason::Unreadable(error),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.reason {
            Reason::Unreadable(cause) | Reason::Damaged(_, cause) => Some(cause),
            _ => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.source, self.reason)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::NotFound => f.write_str("there is no such file or folder; check the path"),
            Reason::PermissionDenied => f.write_str("it may not be read; ask its owner for the permission"),
            Reason::Unreadable(cause) => write!(f, "it cannot be read: {cause}"),
            Reason::NotAFile => f.write_str("it is neither a file nor a folder of its own; name it to have it read"),
            Reason::Empty => f.write_str("it is empty; let the capture program stop before its file is copied"),
            Reason::Damaged(compression, cause) => {
                write!(f, "it is damaged {compression} ({cause}); copy it again")
            }
            Reason::NotACapture(compression, looks_like) => {
                if let Some(compression) = compression {
                    write!(f, "inside of the {compression} ")?;
                }
                match looks_like {
                    Some(kind) => write!(f, "it is {kind}, not a pcap or pcapng capture; ")?,
                    None => f.write_str("it is neither a pcap nor a pcapng capture; ")?,
                }
                f.write_str("if Wireshark can open it, convert it: editcap -F pcapng IN OUT")
            }
            Reason::NoCaptures => f.write_str("no file in this folder is a pcap or pcapng capture"),
        }
    }
}
